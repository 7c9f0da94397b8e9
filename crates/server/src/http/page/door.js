// This part: the door, for people with a password and for those with a token.

/** A labelled input of the door. */
function field(id, text, props = {}) {
  const input = el('input', { id, required: true, ...props });
  return [el('label', {}, el('span', { textContent: text }), input), input];
}

/** Sends JSON and gives the answer; an error has the server's words. */
async function send(method, path, body) {
  const headers = { 'Accept-Language': language, 'Content-Type': 'application/json' };
  const response = await fetch(path, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(15000) });
  if (!response.ok) { throw new Error((await response.text()).trim() || String(response.status)); }
  return response.json();
}

/** A form that tells under itself what went wrong. */
function doorForm(fields, button, enter) {
  const wrong = el('p', { className: 'bad', role: 'alert' });
  const form = el('form', {}, fields, el('button', { textContent: button }));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try { await enter(); } catch (error) { wrong.textContent = error.message; }
  });
  return el('div', {}, form, wrong);
}

function askPassword(old) {
  const [label, input] = field('new-password', t.newPassword, { type: 'password', autocomplete: 'new-password', minLength: 12 });
  const form = doorForm([label], t.enter, async () => { await send('PUT', '/api/v1/me/password', { old, new: input.value }); start(); });
  show(el('section', {}, form));
  input.focus();
}

/** Links to the providers that people log in with elsewhere; they come back to this page. */
async function elsewhere() {
  const back = encodeURIComponent(location.pathname + location.search);
  const { providers } = await ask('/auth/oidc');
  return providers.map((name) => el('p', {}, el('a', { className: 'button', href: `/auth/oidc/${name}?return_to=${back}`, textContent: t.enterWith(name) })));
}

async function door() {
  const providers = await elsewhere().catch(() => []);
  const [nameLabel, name] = field('name', t.user, { autocomplete: 'username' });
  const [passwordLabel, password] = field('password', t.password, { type: 'password', autocomplete: 'current-password' });
  const [tokenLabel, token] = field('token', t.token, { type: 'password', autocomplete: 'off' });
  const login = doorForm([nameLabel, passwordLabel], t.enter, async () => {
    sessionStorage.removeItem('token');
    const me = await send('POST', '/api/v1/login', { name: name.value, password: password.value });
    if (me.must_change_password) { askPassword(password.value); } else { start(); }
  });
  const bearer = doorForm([tokenLabel], t.enter, async () => { sessionStorage.setItem('token', token.value); start(); });
  show(providers.length ? el('section', {}, providers) : null, el('section', {}, login), el('section', {}, bearer));
  name.focus();
}

/** Who is here: their name, or nothing where everybody may come in. Asked once. */
let who;
async function whoIsHere() {
  const me = await ask('/api/v1/me');
  who = me.session || sessionStorage.getItem('token') ? me.name : null;
}

/** Ends the session, and the one at the provider if that is wanted. */
async function leave() {
  sessionStorage.removeItem('token');
  const response = await fetch('/api/v1/logout', { method: 'POST', signal: AbortSignal.timeout(15000) });
  if (response.status === 200) { location.href = (await response.json()).continue_at; return; }
  who = undefined;
  start();
}
