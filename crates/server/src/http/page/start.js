// The start page: asks the API every few seconds and draws what it says. No library, no build.
'use strict';

const TEXTS = {
  en: { find: 'Show', id: 'Order id', lines: 'lines received since start', rate: 'lines per second', open: 'open orders', stuck: 'stuck orders',
    byStatus: 'Orders by status', stuckNow: 'Stuck now', none: 'Nothing is stuck.', order: 'Order', status: 'Status', where: 'Waits for', since: 'Since',
    waits: 'Waits', allowed: 'Allowed', error: 'Last error', live: 'live', gone: 'the server does not answer', loading: 'Reading the state of orders …',
    token: 'This server asks for a token', enter: 'Enter', path: 'Path', failures: 'Errors', deviations: 'Deviations',
    dwell: 'Time in status', service: 'Service', events: 'events', hidden: 'hidden: you have no right to this service’s lines', traces: 'Traces', now: 'now',
    overdue: 'overdue', closed: 'reached its end', count: 'Orders', personal: 'personal data found unmasked', longest: 'Longest', unconfirmed: 'hand-over not confirmed' },
  ru: { find: 'Показать', id: 'Номер заказа', lines: 'строк с запуска', rate: 'строк в секунду', open: 'заказов в работе', stuck: 'заказов застряло',
    byStatus: 'Заказы по статусам', stuckNow: 'Застряли сейчас', none: 'Ничего не застряло.', order: 'Заказ', status: 'Статус', where: 'Ждёт', since: 'С',
    waits: 'Ожидание', allowed: 'Допустимо', error: 'Последняя ошибка', live: 'на связи', gone: 'сервер не отвечает', loading: 'Читаю состояние заказов …',
    token: 'Сервер просит токен', enter: 'Войти', path: 'Путь', failures: 'Ошибки', deviations: 'Отклонения',
    dwell: 'Время в статусе', service: 'Сервис', events: 'событий', hidden: 'скрыто: нет права на строки этого сервиса', traces: 'Трассы', now: 'сейчас',
    overdue: 'просрочен на', closed: 'завершён', count: 'Заказы', personal: 'персональных данных без маски', longest: 'Дольше всех', unconfirmed: 'передача не подтверждена' },
};
const language = navigator.language.startsWith('ru') ? 'ru' : 'en';
const t = TEXTS[language];
const main = document.getElementById('main');
const health = document.getElementById('health');
document.documentElement.lang = language;

/** Makes an element; text is set as text, never as HTML. */
function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, props);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function ask(path) {
  const token = sessionStorage.getItem('token');
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers, signal: AbortSignal.timeout(15000) });
  if (response.status === 401) { throw new Error('401'); }
  if (!response.ok) { throw new Error((await response.text()).trim()); }
  return response.json();
}

const number = new Intl.NumberFormat(language);
const clock = new Intl.DateTimeFormat(language === 'ru' ? 'ru' : 'en-GB', { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' });
const time = (text) => clock.format(new Date(text));

function span(ms) {
  if (ms === null || ms === undefined) { return '–'; }
  const units = language === 'ru' ? ['д', 'ч', 'мин', 'с'] : ['d', 'h', 'min', 's'];
  let left = Math.round(ms / 1000);
  if (left === 0) { return ms > 0 ? `${Math.round(ms)} ${language === 'ru' ? 'мс' : 'ms'}` : `0 ${units[3]}`; }
  const parts = [86400, 3600, 60, 1].map((size, index) => { const n = Math.floor(left / size); left %= size; return n ? `${n} ${units[index]}` : ''; });
  return parts.filter(Boolean).slice(0, 2).join(' ');
}

/** A bar as SVG: the whole and its bad part. */
function bar(value, bad, max) {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(NS, 'svg');
  svg.setAttribute('class', 'track');
  svg.setAttribute('viewBox', '0 0 100 10');
  svg.setAttribute('preserveAspectRatio', 'none');
  for (const [kind, amount] of [['all', value], ['stuck', bad]]) {
    const rect = document.createElementNS(NS, 'rect');
    rect.setAttribute('class', kind);
    rect.setAttribute('width', max ? Math.max(amount ? 0.6 : 0, (100 * amount) / max) : 0);
    rect.setAttribute('height', 10);
    svg.append(rect);
  }
  return svg;
}

function table(heads, rows) {
  return el('table', {}, el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { textContent: head })))), el('tbody', {}, ...rows));
}

const cell = (content, className = '') => el('td', { className }, content);
const link = (id, type) => el('a', { href: `/orders/${encodeURIComponent(id)}${type === 'order' ? '' : `?type=${encodeURIComponent(type)}`}`, textContent: id });
const tile = (value, text, bad) => el('div', { className: 'tile' }, el('b', { textContent: value, className: bad ? 'bad' : '' }), el('span', { textContent: text }));

let before = null;
function rate(lines) {
  const now = performance.now();
  const value = before && now > before.now ? Math.max(0, Math.round((lines - before.lines) / ((now - before.now) / 1000))) : null;
  before = { lines, now };
  return value;
}

async function overview() {
  const [summary, stuck, status] = await Promise.all([
    ask('/api/v1/orders/summary'), ask('/api/v1/orders?state=stuck&limit=50'), ask('/api/v1/status').catch(() => null)]);
  const orders = summary.types.find((type) => type.type === 'order') || { open: 0, stuck: 0, statuses: [] };
  const tiles = el('div', { className: 'tiles' }, tile(number.format(orders.open), t.open), tile(number.format(orders.stuck), t.stuck, orders.stuck > 0));
  if (status) {
    const perSecond = rate(status.ingest.lines);
    const personal = status.ingest.personal_data.reduce((sum, hit) => sum + hit.count, 0);
    tiles.append(tile(perSecond === null ? '…' : number.format(perSecond), t.rate), tile(number.format(status.ingest.lines), t.lines));
    if (personal) { tiles.append(tile(number.format(personal), t.personal, true)); }
  }
  const max = Math.max(...orders.statuses.map((row) => row.open), 1);
  const statuses = orders.statuses.map((row) => el('tr', {}, cell(row.status, 'status'), cell(number.format(row.open), 'n'),
    cell(bar(row.open, row.stuck, max)), cell(row.stuck ? number.format(row.stuck) : '', 'n bad'), cell(row.owner || ''), cell(span(row.longest_ms), 'n'), cell(span(row.deadline_ms), 'n')));
  const rows = stuck.items.map((item) => el('tr', {}, cell(link(item.id, item.type)), cell(item.status, 'status'), cell(item.owner, 's'), cell(time(item.since), 's'),
    cell(span(item.waits_ms), 'n bad'), cell(item.stuck && item.stuck.reason === 'unconfirmed' ? t.unconfirmed : span(item.deadline_ms), 'n'),
    cell(item.last_error ? `${item.last_error.service} ${item.last_error.endpoint} ${item.last_error.http_status || ''} ${item.last_error.error || ''}` : '')));
  main.replaceChildren(tiles,
    summary.loading ? el('p', { className: 'warn', textContent: t.loading }) : '',
    el('section', {}, el('h2', { textContent: t.byStatus }), table([t.status, t.count, '', t.stuck, t.where, t.longest, t.allowed], statuses)),
    el('section', {}, el('h2', { textContent: `${t.stuckNow}: ${number.format(stuck.total)}` }),
      rows.length ? table([t.order, t.status, t.where, t.since, t.waits, t.allowed, t.error], rows) : el('p', { className: 'soft', textContent: t.none })));
}

function eventRow(event) {
  const what = `${event.endpoint}${event.peer ? ` → ${event.peer}` : ''}${event.http_status ? ` ${event.http_status}` : ''}${event.duration_ms ? ` ${Math.round(event.duration_ms)} ms` : ''}${event.attempt > 1 ? ` #${event.attempt}` : ''}`;
  const line = event.line.access === 'shown' ? el('pre', { textContent: event.line.text }) : event.line.access === 'hidden' ? el('pre', { textContent: t.hidden }) : '';
  return el('div', {}, el('div', { className: `event${event.failed ? ' bad' : ''}` }, el('span', { textContent: time(event.time) }), el('span', { textContent: event.service }),
    el('span', { textContent: event.kind.toUpperCase() }), el('span', { textContent: what })), line);
}

async function story(id, type) {
  const it = await ask(`/api/v1/orders/${encodeURIComponent(id)}?type=${encodeURIComponent(type)}`);
  const longest = Math.max(...it.steps.map((step) => step.dwell_ms), 1);
  const state = it.stuck ? el('p', { className: 'bad', textContent: `${t.overdue} ${span(it.stuck.overdue_ms)}, ${t.where.toLowerCase()} ${it.owner || '–'}` })
    : el('p', { className: 'soft', textContent: it.closed ? t.closed : `${t.where}: ${it.owner || '–'}` });
  const steps = it.steps.map((step) => {
    const late = step.deadline_ms && step.dwell_ms > step.deadline_ms;
    return el('tr', {}, cell(`${step.status}${step.visit > 1 ? ` ×${step.visit}` : ''}`, 'status'), cell(step.service), cell(time(step.entered)),
      cell(`${span(step.dwell_ms)}${step.left ? '' : ` (${t.now})`}`, `n${late ? ' bad' : ''}`), cell(bar(step.dwell_ms, late ? step.dwell_ms : 0, longest)),
      cell(step.events.length ? el('details', {}, el('summary', { textContent: `${step.events.length} ${t.events}` }), ...step.events.map(eventRow)) : ''));
  });
  const failures = it.failures.map((row) => el('tr', {}, cell(time(row.time)), cell(row.service), cell(row.endpoint), cell(String(row.http_status || ''), 'n'), cell(row.hidden ? t.hidden : row.error || ''), cell(row.trace_id || '', 'status')));
  const deviations = it.deviations.map((row) => el('tr', {}, cell(time(row.time)), cell(row.kind, 'warn'), cell([row.from, row.to, row.status, row.service].filter(Boolean).join(' → '), 'status')));
  main.replaceChildren(el('h1', { textContent: `${it.type === 'order' ? t.order : it.type} ${it.id}` }), el('p', { className: 'status', textContent: it.status || '' }), state,
    el('section', {}, el('h2', { textContent: `${t.path} · ${it.services.join(' · ')}` }), table([t.status, t.service, t.since, t.dwell, '', ''], steps)),
    deviations.length ? el('section', {}, el('h2', { textContent: t.deviations }), table(['', '', ''], deviations)) : '',
    failures.length ? el('section', {}, el('h2', { textContent: t.failures }), table(['', t.service, '', '', t.error, ''], failures)) : '',
    el('section', {}, el('h2', { textContent: t.traces }), ...it.traces.map((trace) => el('div', { className: `status${trace.failed ? ' bad' : ''}`, textContent: `${trace.trace_id}  ${trace.services.join(' → ')}` }))));
}

function askToken() {
  const input = el('input', { type: 'password', autocomplete: 'off' });
  const form = el('form', {}, el('p', { textContent: t.token }), input, el('button', { textContent: t.enter }));
  form.addEventListener('submit', (event) => { event.preventDefault(); sessionStorage.setItem('token', input.value); start(); });
  main.replaceChildren(form);
  input.focus();
}

let timer = 0;
async function start() {
  clearTimeout(timer);
  const match = location.pathname.match(/^\/orders\/(.+)$/);
  try {
    if (match) { await story(decodeURIComponent(match[1]), new URLSearchParams(location.search).get('type') || 'order'); } else { await overview(); }
    health.textContent = `● ${t.live}`;
    health.className = 'good';
  } catch (error) {
    if (error.message === '401') { askToken(); return; }
    const reason = error instanceof TypeError ? t.gone : error.message;
    if (match) { main.replaceChildren(el('p', { className: 'bad', textContent: reason })); }
    health.textContent = `● ${reason}`;
    health.className = 'bad';
  }
  if (!match) { timer = setTimeout(start, 3000); }
}

const find = document.getElementById('find');
find.querySelector('button').textContent = t.find;
find.querySelector('input').placeholder = t.id;
find.addEventListener('submit', (event) => {
  event.preventDefault();
  const id = find.querySelector('input').value.trim();
  if (id) { location.href = `/orders/${encodeURIComponent(id)}`; }
});
start();
