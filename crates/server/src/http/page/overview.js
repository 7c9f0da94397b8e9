// This part: the overview, and lists of open objects.

const tile = (value, text, bad = false) => el('div', { className: 'tile' }, el('b', { className: bad ? 'bad' : '', textContent: value }), el('span', { textContent: text }));

let before = null;
/** Lines per second since the last look. */
function rate(lines) {
  const now = performance.now();
  const value = before && now > before.now ? Math.max(0, Math.round((1000 * (lines - before.lines)) / (now - before.now))) : null;
  before = { lines, now };
  return value;
}

async function overview() {
  const [summary, stuck, status] = await Promise.all([
    ask('/api/v1/orders/summary'), ask('/api/v1/orders?state=stuck&limit=50'), ask('/api/v1/status').catch(() => null)]);
  const orders = summary.types.find((type) => type.type === 'order') || { open: 0, stuck: 0, statuses: [] };
  const tiles = [tile(grouped(orders.open), t.open), tile(grouped(orders.stuck), t.stuck, orders.stuck > 0)];
  if (status) {
    const perSecond = rate(status.ingest.lines);
    const sum = (hits, key) => hits.reduce((total, hit) => total + hit[key], 0);
    const [personal, defects] = [sum(status.ingest.personal_data, 'count'), sum(status.ingest.defects, 'lines')];
    tiles.push(tile(perSecond === null ? '…' : grouped(perSecond), t.rate), tile(grouped(status.ingest.lines), t.lines));
    if (personal) { tiles.push(tile(grouped(personal), t.personal, true)); }
    if (defects) { tiles.push(tile(grouped(defects), t.defects, true)); }
  }
  document.title = 'Lapidary';
  show(el('h1', { className: 'unseen', textContent: t.overview }), el('div', { className: 'tiles' }, tiles), notice(summary),
    ...summary.types.filter((type) => type.open || type.type === 'order').map(statuses),
    el('section', {}, el('h2', { textContent: `${t.stuckNow}: ${grouped(stuck.total)}` }),
      stuck.items.length ? objects(stuck.items, t.stuckNow) : el('p', { className: 'soft', textContent: t.none }), following(stuck, { state: 'stuck' })));
  return 3000;
}

function notice(answer) {
  const text = answer.loading ? t.loading : answer.dropped ? `${grouped(answer.dropped)} ${t.dropped}` : '';
  return text ? el('p', { className: 'warn', textContent: text }) : null;
}

/** The objects of one type by status; each row leads to those that are in it. */
function statuses(type) {
  const most = Math.max(...type.statuses.map((row) => row.open), 1);
  const kind = type.type === 'order' ? '' : type.type;
  const title = type.type === 'order' ? t.byStatus : `${objectName(type.type)}: ${grouped(type.open)}`;
  // A type without a graph has neither owners nor limits, and nothing of it is stuck.
  const judged = type.statuses.some((row) => row.owner);
  const link = (row, text, state, className = '') => el('a', { className, href: address('/orders', { type: kind, status: row.status, state }), textContent: text });
  const rows = type.statuses.map((row) => el('tr', {}, rowHead(link(row, row.status, '')), cell(grouped(row.open), 'n', t.count),
    judged ? cell(row.stuck ? link(row, grouped(row.stuck), 'stuck', 'bad') : '', 'n', row.stuck ? t.isStuck : '') : '',
    cell(bar(row.open, row.stuck, most), 'chart'), judged ? cell(row.owner || '', '', t.where) : '', cell(span(row.longest_ms), 'n', row.longest_ms === null ? '' : t.longest),
    judged ? cell(span(row.deadline_ms), 'n', row.deadline_ms === null ? '' : t.allowed) : ''));
  const right = (text) => { const head = heading(text); head.className = 'n'; return head; };
  const heads = [heading(t.status), right(t.count), judged ? right(t.isStuck) : '', heading(t.chart, true), judged ? heading(t.where) : '', right(t.longest), judged ? right(t.allowed) : ''];
  return el('section', {}, el('h2', { textContent: title }), table('statuses', title, heads, rows));
}

/** Open objects, with the last thing that went wrong. */
function objects(items, title) {
  const rows = items.map((item) => {
    const error = item.last_error;
    const what = error && [error.service, error.endpoint, error.http_status, error.hidden ? t.hiddenError : error.error].filter(Boolean).join(' ');
    const limit = (item.stuck && { unconfirmed: t.unconfirmed, missing: t.missing }[item.stuck.reason]) || span(item.deadline_ms);
    return el('tr', {}, rowHead(objectLink(item.id, item.type)), cell(item.status, 'code'), cell(item.owner, 's', t.where), cell(time(item.since), 's', t.since),
      cell(span(item.waits_ms), item.stuck ? 'bad s' : 's', t.waits), cell(limit, '', t.allowed), cell(what || '', 'wide'));
  });
  const heads = [objectName(items[0].type), t.status, t.where, t.since, t.waits, t.allowed, t.error];
  return table('objects', title, heads.map((head) => heading(head)), rows);
}

/** How many are shown, and the way to the others. */
function following(page, params) {
  if (!page.next) { return null; }
  return el('p', {}, `${grouped(page.items.length)} ${t.of} ${grouped(page.total)} · `, el('a', { href: address('/orders', { ...params, cursor: page.next }), textContent: t.next }));
}

/** A choice among values; the first one stands for all. */
function select(name, text, options, chosen) {
  const items = options.map(([value, label]) => el('option', { value, textContent: label, selected: value === chosen }));
  return el('label', {}, el('span', { textContent: text }), el('select', { name }, items));
}

async function list() {
  const given = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => name !== 'lang'));
  const [page, summary] = await Promise.all([ask(address('/api/v1/orders', { ...given, limit: '50' })), ask('/api/v1/orders/summary')]);
  const kind = (given.type || 'order').toLowerCase();
  const known = (summary.types.find((type) => type.type === kind) || { statuses: [] }).statuses.map((row) => [row.status, row.status]);
  const status = (known.find(([name]) => name.toLowerCase() === (given.status || '').toLowerCase()) || [''])[0];
  const form = el('form', { action: '/orders', method: 'get' },
    select('type', t.type, summary.types.map((type) => [type.type, objectName(type.type)]), kind),
    select('status', t.status, [['', t.any], ...known], status), select('state', t.state, [['', t.allOpen], ['stuck', t.onlyStuck]], given.state || ''),
    el('button', { textContent: t.apply }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.href = address('/orders', Object.fromEntries(new FormData(form)));
  });
  const title = `${given.state === 'stuck' ? t.stuckNow : t.list}: ${grouped(page.total)}`;
  document.title = `${title} · Lapidary`;
  delete given.cursor;
  show(el('h1', { textContent: title }), notice(page), el('section', {}, form), el('section', {},
    page.items.length ? objects(page.items, title) : el('p', { className: 'soft', textContent: given.state === 'stuck' ? t.none : t.nothing }), following(page, given)));
  return null;
}
