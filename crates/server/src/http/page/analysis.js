// This part: what all orders tell together: promises, funnel, the graph, variants, deviations, time in status.

const percent = (share) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(share);
const orDash = (ms) => (ms === null || ms === undefined ? '–' : span(ms));
const rightHead = (text) => { const head = heading(text); head.className = 'n'; return head; };
const part = (title, ...nodes) => el('section', {}, el('h2', { textContent: title }), ...nodes);
const nothing = (list, node) => (list.length ? node() : el('p', { className: 'soft', textContent: t.noData }));

async function analysis() {
  const given = new URLSearchParams(location.search);
  const [type, days] = [given.get('type') || 'order', given.get('days') || '28'];
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  const since = days === 'all' ? '' : new Date(Date.now() - Number(days) * 86400000).toISOString();
  const of = (what, more = {}) => address(`/api/v1/orders/${what}`, { type, since, zone, ...more });
  const [summary, sla, funnel, ways, deviations, dwell, svg] = await Promise.all([ask('/api/v1/orders/summary'), ask(of('sla')), ask(of('funnel')),
    ask(of('variants', { limit: '15' })), ask(of('conformance')), ask(of('dwell')), picture(of('graph', { format: 'svg' }))]);
  const periods = [['7', t.week], ['28', t.month], ['92', t.quarter], ['all', t.always]];
  const form = el('form', { action: '/analysis', method: 'get' }, select('type', t.type, summary.types.map((one) => [one.type, objectName(one.type)]), type),
    select('days', t.started, periods, days), el('button', { textContent: t.apply }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.href = address('/analysis', Object.fromEntries(new FormData(form)));
  });
  document.title = `${t.analysis} · Lapidary`;
  show(el('h1', { textContent: `${t.analysis}: ${objectName(type)} · ${grouped(funnel.objects)}` }), notice(funnel), el('section', {}, form),
    promises(sla), funnels(funnel), part(t.graph, svg), variants(ways), conformance(deviations), dwells(dwell));
  return null;
}

/** The graph: the answer's own drawing, as nodes of this page. */
async function picture(path) {
  const svg = new DOMParser().parseFromString(await ask(path, (response) => response.text()), 'image/svg+xml').documentElement;
  return el('div', { className: 'picture', tabIndex: 0, role: 'group', ariaLabel: t.graph }, document.importNode(svg, true));
}

function promises(sla) {
  const rows = sla.objectives.map((one) => el('tr', {}, rowHead(one.name), cell(`${one.from} → ${one.to}`, 'wide'), cell(orDash(one.within_ms), 'n', t.allowed),
    cell(one.attained === null ? '–' : percent(one.attained), one.met === false ? 'n bad' : 'n', t.attained), cell(percent(one.target), 'n', t.target),
    cell(grouped(one.bad), one.bad ? 'n bad' : 'n', t.late), cell(percent(one.budget_left), one.budget_left < 0 ? 'n bad' : 'n', t.budget),
    cell(one.burn.map((burn) => `${span(burn.window_ms)}: ${burn.rate.toFixed(1)}`).join(' · '), '', t.burn),
    cell([one.ratings_good.mean, one.ratings_bad.mean].map((mean) => (mean === null ? '–' : mean.toFixed(1))).join(' / '), 'n', t.rated)));
  const heads = [heading(t.promise), heading(t.edge), rightHead(t.allowed), rightHead(t.attained), rightHead(t.target), rightHead(t.late), rightHead(t.budget), heading(t.burn), rightHead(t.rated)];
  return part(t.promises, nothing(rows, () => table('promises', t.promises, heads, rows)));
}

function funnels(funnel) {
  const rows = funnel.total.steps.map((step) => el('tr', {}, rowHead(step.status), cell(grouped(step.reached), 'n', t.reached), cell(percent(step.share), 'n', t.share),
    cell(bar(step.reached, 0, funnel.total.started), 'chart'), cell(orDash(step.median_ms), 'n', t.median)));
  const heads = [heading(t.status), rightHead(t.reached), rightHead(t.share), heading(t.chart, true), rightHead(t.median)];
  const cohorts = funnel.cohorts.slice(-12).map((row) => el('tr', {}, rowHead(row.cohort), cell(grouped(row.started), 'n', t.count),
    row.steps.slice(1).map((step) => cell(percent(step.share), 'n', step.status)), cell(grouped(row.closed), 'n', t.ended)));
  const cohortHeads = [heading(t.cohort), rightHead(t.all), ...funnel.total.steps.slice(1).map((step) => rightHead(step.status.split('_').map((word) => word.slice(0, 4)).join(' '))), rightHead(t.ended)];
  return part(t.funnel, nothing(rows, () => table('funnel', t.funnel, heads, rows)), nothing(cohorts, () => el('div', { className: 'wide-table' }, table('cohorts', t.cohort, cohortHeads, cohorts))));
}

function variants(ways) {
  const most = Math.max(...ways.variants.map((one) => one.count), 1);
  const rows = ways.variants.map((one) => el('tr', {}, rowHead(grouped(one.count)), cell(percent(one.share), 'n', t.share), cell(bar(one.count, 0, most), 'chart'),
    cell(span(one.median_ms), 'n', t.median), cell(one.statuses.join(' → '), 'wide'),
    cell(one.deviations.map((kind) => t.kinds[kind] || kind).join(', '), 'bad', one.deviations.length ? t.deviates : '')));
  const heads = [heading(t.count), rightHead(t.share), heading(t.chart, true), rightHead(t.median), heading(t.edge), heading(t.deviates)];
  return part(`${t.variants}: ${grouped(ways.total)}`, nothing(rows, () => table('variants', t.variants, heads, rows)));
}

function conformance(told) {
  const rows = told.deviations.slice(0, 30).map((one) => el('tr', {}, rowHead(t.kinds[one.kind] || one.kind),
    cell([one.from ? `${one.from} → ${one.status}` : one.status, one.service].filter(Boolean).join(' · '), 'wide'), cell(grouped(one.objects), 'n', t.count),
    cell(el('span', {}, one.examples.map((id) => [objectLink(id, told.type), ' '])), '', t.example)));
  const heads = [heading(t.deviates), heading(t.where2), rightHead(t.count), heading(t.example)];
  return part(`${t.conforming}: ${percent(told.fitness)}`, nothing(rows, () => table('conformance', t.deviates, heads, rows)));
}

function dwells(dwell) {
  const rows = dwell.statuses.map((one) => el('tr', {}, rowHead(one.status), cell(grouped(one.left), 'n', t.left), cell(grouped(one.waiting), 'n', t.waitingNow),
    ['p50_ms', 'p90_ms', 'p99_ms'].map((name) => cell(orDash(one[name]), 'n', name.slice(0, 3))), cell(orDash(one.limit_ms), 'n', t.allowed), cell(grouped(one.over), one.over ? 'n bad' : 'n', t.overLimit)));
  const heads = [heading(t.status), rightHead(t.left), rightHead(t.waitingNow), ...['p50', 'p90', 'p99'].map(rightHead), rightHead(t.allowed), rightHead(t.overLimit)];
  return part(t.dwell, nothing(rows, () => table('dwell', t.dwell, heads, rows)));
}
