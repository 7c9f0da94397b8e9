// This part: the frame around it all, and which page the address means.

function frame() {
  const set = (id, text) => { document.getElementById(id).textContent = text; };
  set('skip', t.skip);
  set('find-label', t.id);
  set('find-go', t.find);
  document.getElementById('id').placeholder = t.id;
  const here = (href) => (location.pathname + location.search === href ? { 'aria-current': 'page' } : {});
  const link = (href, text) => el('a', { href, textContent: text, ...here(href) });
  document.getElementById('nav').replaceChildren(link('/', t.overview), link('/orders', t.list), link('/analysis', t.analysis));
  const choose = (name, text) => {
    const button = el('button', { type: 'button', textContent: text, lang: name, 'aria-pressed': String(language === name) });
    button.addEventListener('click', () => { chooseLanguage(name); start(); document.querySelector(`#languages [lang=${name}]`).focus(); });
    return button;
  };
  const languages = document.getElementById('languages');
  languages.setAttribute('aria-label', t.language);
  languages.replaceChildren(choose('en', 'EN'), choose('ru', 'RU'));
  const out = () => {
    const button = el('button', { type: 'button', id: 'leave', textContent: t.leave });
    button.addEventListener('click', () => leave().catch((error) => health(error.message, false)));
    return button;
  };
  document.getElementById('who').replaceChildren(...(who ? [who, out()] : []));
}

function health(text, good) {
  const node = document.getElementById('health');
  // Said again only when it is news.
  if (node.textContent !== `● ${text}`) { node.textContent = `● ${text}`; node.className = good ? 'good' : 'bad'; }
}

let timer = 0;
let turn = 0;
/** Draws the page of the address, and again after a while if it changes by itself. */
async function start() {
  clearTimeout(timer);
  const mine = ++turn;
  frame();
  const object = location.pathname.match(/^\/orders\/(.+)$/);
  let again = 3000;
  try {
    if (who === undefined) { await whoIsHere(); frame(); }
    if (object) {
      again = await story(decodeURIComponent(object[1]), new URLSearchParams(location.search).get('type') || 'order');
    } else {
      again = await ({ '/orders': list, '/analysis': analysis, '/explore': explore }[location.pathname] || overview)();
    }
    health(t.live, true);
  } catch (error) {
    if (error.status === 401) { health(t.closed, false); door(); return; }
    const answered = error.status !== undefined;
    const reason = answered || !['TypeError', 'TimeoutError'].includes(error.name) ? error.message : t.gone;
    // What the server said is the page; when it says nothing, what was there stays.
    if (answered) { show(el('section', {}, el('p', { className: 'bad', textContent: reason }))); }
    health(answered ? t.live : reason, answered);
    if (answered && error.status < 500) { again = null; }
  }
  if (again && mine === turn) { timer = setTimeout(() => (document.hidden ? document.addEventListener('visibilitychange', start, { once: true }) : start()), again); }
}

document.getElementById('find').addEventListener('submit', (event) => {
  event.preventDefault();
  const id = document.getElementById('id').value.trim();
  if (id) { location.href = `/orders/${encodeURIComponent(id)}`; }
});
chooseLanguage();
start();
