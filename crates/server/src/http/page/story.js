// This part: the story of one object, as rich as `lapidary orders show` tells it.

/** Traces that are shown before one asks for all. */
const TRACES = 8;

async function story(id, type) {
  const it = await ask(`/api/v1/objects/${encodeURIComponent(type || 'order')}/${encodeURIComponent(id)}`);
  const name = `${objectName(it.type)} ${it.id}`;
  document.title = `${name} · Lapidary`;
  show(el('section', {}, el('div', { className: 'head' }, el('h1', { textContent: name }), el('span', { className: 'code', textContent: it.status || '?' }), verdict(it)),
    ...[standing(it), facts(it), related(it), leftOut(it)].filter((list) => list.length).map((list) => el('ul', { className: 'facts' }, list.map((fact) => el('li', {}, fact))))),
  it.steps.length ? path(it) : null, traces(it));
  return null;
}

function verdict(it) {
  const judged = it.closed || it.stuck || (it.steps.length && it.steps[it.steps.length - 1].deadline_ms !== null);
  if (!judged) { return null; }
  if (it.closed) { return el('strong', { className: 'good', textContent: t.complete }); }
  return it.stuck ? el('strong', { className: 'bad', textContent: `${t.stuckFor} · ${span(it.stuck.overdue_ms)} ${t.overdue}` }) : el('strong', { className: 'good', textContent: t.onTime });
}

/** Where it is, since when, who has to move it on. */
function standing(it) {
  const step = it.steps[it.steps.length - 1];
  if (!step) { return [t.unknown]; }
  if (it.closed) { return [`${t.way} ${span(it.total_ms)}`]; }
  return [`${t.inStatus} ${span(step.dwell_ms)}, ${t.sinceTime} ${time(step.entered)}`, it.owner && `${t.waitsFor} ${it.owner}`,
    step.deadline_ms !== null && `${t.limit} ${span(step.deadline_ms)}`, it.stuck && it.stuck.reason === 'unconfirmed' && t.unconfirmed].filter(Boolean);
}

function facts(it) {
  const counts = [[it.deviations.length, t.deviations], [byTrace(it.failures).length, t.errors], [it.retries.length, t.retries]];
  return [`${t.first} ${time(it.first)}`, `${t.last} ${time(it.last)}`, it.closed ? '' : `${t.total} ${span(it.total_ms)}`,
    ...counts.filter(([count]) => count).map(([count, forms]) => counted(count, forms))].filter(Boolean);
}

const related = (it) => it.related.map((other) => objectLink(other.id, other.type, `${objectName(other.type)} ${other.id}`));

const leftOut = (it) => [it.hidden_lines && `${counted(it.hidden_lines, t.lineCount)} ${t.hiddenLines}`, it.truncated && t.truncated].filter(Boolean);

/** Failures of one trace together: they are one, seen from several sides or tried again. */
function byTrace(failures) {
  const groups = new Map();
  for (const failure of failures) {
    const key = failure.trace_id || `${failure.service} ${failure.endpoint}`;
    groups.set(key, [...(groups.get(key) || []), failure]);
  }
  return [...groups.values()];
}

/** One row a status with a lane for each service; notes and lines below it; what lies ahead follows. */
function path(it) {
  const short = (service) => service.replace(/-(api|service)$/, '');
  const longest = Math.max(...it.steps.map((step) => step.dwell_ms), 1);
  const heads = [heading(t.status), ...it.services.map((service) => { const head = heading(short(service)); head.className = 'lane'; head.title = service; return head; }),
    heading(t.services, true), heading(t.entered), heading(t.stayed), heading(t.allowed), heading(t.chart, true)];
  heads[1 + it.services.length].className = 'lane-name';
  const rows = it.steps.flatMap((step, index) => [stepRow(it, step, index, longest, short), more(it, step, index)]);
  const ahead = it.ahead.map((status) => el('tr', { className: 'step ahead' }, rowHead(`· ${status}`), it.services.map(() => cell('│', 'lane')), el('td', { colSpan: 5 }, el('span', { className: 'unseen', textContent: t.ahead }))));
  const legend = `● ${t.set}   ○ ${t.part}   ✗ ${t.failed}`;
  return el('section', {}, el('h2', { textContent: t.path }), table('path', t.path, heads, [...rows, ...ahead]), el('p', { className: 'soft', textContent: legend }));
}

function stepRow(it, step, index, longest, short) {
  const last = index + 1 === it.steps.length;
  const late = step.deadline_ms !== null && step.deadline_ms < step.dwell_ms;
  const deviates = it.deviations.some((deviation) => deviation.step === index);
  const [sign, ink] = last ? (it.closed ? ['■', ''] : it.stuck ? ['✗', 'bad'] : ['▶', '']) : deviates ? ['!', 'warn'] : ['✓', 'good'];
  const signs = it.services.map((service) => {
    const events = step.events.filter((event) => event.service === service);
    const failed = events.some((event) => event.failed);
    if (step.service === service) { return [service, '●', t.set, failed ? 'bad' : 'good']; }
    return failed ? [service, '✗', t.failed, 'bad'] : events.length ? [service, '○', t.part, ''] : [service, '│', '', 'soft'];
  });
  const lanes = signs.map(([service, mark, text, kind]) => cell(el('span', { className: kind, title: text ? `${service}: ${text}` : service, textContent: mark }), 'lane'));
  const names = signs.filter(([, , text]) => text).map(([service, mark, , kind]) => el('span', { className: `${kind} s`, textContent: `${mark} ${short(service)}  ` }));
  const ended = last && it.closed;
  const status = el('span', { className: last ? 'now' : '' }, el('span', { className: ink, 'aria-hidden': 'true', textContent: `${sign} ` }), `${step.status}${step.visit > 1 ? ` ×${step.visit}` : ''}`);
  return el('tr', { className: 'step' }, rowHead(status), lanes, cell(names, 'lane-name'), cell(time(step.entered), 's', t.entered),
    cell(ended ? '' : `${span(step.dwell_ms)}${last ? ' ▸' : ''}`, late ? 's bad' : 's', ended ? '' : t.stayed), cell(ended ? '' : span(step.deadline_ms), 's', ended || step.deadline_ms === null ? '' : t.allowed),
    cell(ended ? '' : bar(step.dwell_ms, late ? step.dwell_ms - step.deadline_ms : 0, longest), 'chart'));
}

/** What is to be said about a step, and the lines behind it. */
function more(it, step, index) {
  const next = step.left || '9999';
  const notes = [
    ...it.deviations.filter((one) => one.step === index).map((one) => el('li', { className: 'warn', textContent: `! ${DEVIATIONS[language][one.kind](one)}` })),
    ...byTrace(it.failures.filter((one) => one.step === index)).map(failure),
    ...it.retries.filter((one) => step.entered <= one.last && one.last < next).map((one) => el('li', { className: 'warn',
      textContent: `↻ ${time(one.first)} ${one.service}${one.peer ? ` → ${one.peer}` : ''} ${one.endpoint}: ${one.attempts} ${t.tries}, ${one.succeeded ? t.well : t.badly}` })),
  ];
  const lines = step.events.length ? el('details', {}, el('summary', { textContent: counted(step.events.length, t.lineCount) }), step.events.map(eventRow)) : '';
  return el('tr', { className: 'more' }, el('td', { colSpan: it.services.length + 6 }, notes.length ? el('ul', { className: 'notes' }, notes) : '', lines));
}

function failure(group) {
  const main = group.find((one) => one.peer) || group.find((one) => one.endpoint) || group[0];
  const same = group.filter((one) => one.service === main.service && one.peer === main.peer && one.endpoint === main.endpoint).length;
  const why = (group.find((one) => one.error) || {}).error || (group.some((one) => one.hidden) ? t.hiddenError : '');
  const what = [`✗ ${time(main.time)}`, main.service, main.peer && `→ ${main.peer}`, main.endpoint, main.http_status, same > 1 && `×${same}`, why].filter(Boolean).join(' ');
  return el('li', { className: 'bad' }, what, main.trace_id ? el('span', { className: 'soft', textContent: ` · ${t.trace} ${main.trace_id.slice(0, 8)}`, title: main.trace_id }) : '');
}

function eventRow(event) {
  const what = [event.endpoint, event.peer && `→ ${event.peer}`, event.http_status, event.duration_ms !== null && span(event.duration_ms), event.attempt > 1 && `#${event.attempt}`];
  const stand = { hidden: t.hidden, gone: t.goneLine, omitted: t.omitted };
  const text = event.line.access === 'shown' ? event.line.text : `‹${stand[event.line.access]}›`;
  return el('div', {}, el('div', { className: `event${event.failed ? ' bad' : ''}` }, el('span', { textContent: time(event.time) }), el('span', { textContent: event.service }),
    el('span', { textContent: event.kind.toUpperCase() }), el('span', { textContent: what.filter(Boolean).join(' ') })), el('pre', { textContent: text }));
}

function traces(it) {
  if (!it.traces.length) { return null; }
  const row = (trace) => el('tr', {}, rowHead(el('span', { className: trace.failed ? 'bad' : '', textContent: `${trace.failed ? '✗ ' : ''}${trace.trace_id}` })),
    cell(time(trace.first), 's'), cell(trace.services.join(' → ')), cell(counted(trace.events, t.events), 's'));
  const heads = [t.trace, t.first, t.services, t.events[t.events.length - 1]].map((head) => heading(head[0].toUpperCase() + head.slice(1)));
  // Those that failed are what one looks for; of the others the newest.
  const order = it.traces.map((trace, index) => ({ trace, index })).sort((a, b) => b.trace.failed - a.trace.failed || b.index - a.index);
  const chosen = order.slice(0, TRACES).sort((a, b) => a.index - b.index).map(({ trace }) => trace);
  const rest = it.traces.length > TRACES ? el('details', {}, el('summary', { textContent: `${t.allTraces}: ${grouped(it.traces.length)}` }), table('traces', t.allTraces, heads.map((head) => head.cloneNode(true)), it.traces.map(row))) : '';
  return el('section', {}, el('h2', { textContent: t.traces }), table('traces', t.traces, heads, chosen.map(row)), rest);
}
