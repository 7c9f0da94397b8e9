// This part: the lines that an alert is about, `/explore?query=…&start=…&end=…`.

/** Lines that are shown at most; more of them are for Grafana or `lapidary query`. */
const MOST_LINES = 500;

async function explore() {
  const asked = new URLSearchParams(location.search);
  const query = asked.get('query') || '';
  const parameters = { query, start: asked.get('start') || '', end: asked.get('end') || '', limit: MOST_LINES, direction: 'backward' };
  document.title = `${t.linesOf} · Lapidary`;
  const field = el('input', { name: 'query', value: query, autocomplete: 'off', required: true, className: 'query' });
  const form = el('form', {}, el('label', {}, `${t.query} `, field), ' ', el('button', { textContent: t.apply }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.href = address('/explore', { ...Object.fromEntries(asked), query: field.value });
  });
  const title = el('h1', { textContent: t.linesOf });
  if (!query) { show(title, form); return null; }
  const answer = await ask(address('/loki/api/v1/query_range', parameters));
  show(title, form, answer.data.resultType === 'streams' ? lines(answer.data.result) : el('p', { className: 'warn', textContent: t.onlyLines }));
  return null;
}

/** The lines of all streams, the newest first. */
function lines(streams) {
  const all = streams.flatMap(({ stream, values }) => values.map(([at, text]) => ({ at: BigInt(at), text, where: stream.service_name || '' })));
  all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  if (!all.length) { return el('p', { className: 'soft', textContent: t.noData }); }
  const rows = all.map((line) => el('tr', {}, cell(time(Number(line.at / 1000000n)), 'n', t.when), cell(line.where, '', t.services), cell(line.text, 'code')));
  const full = all.length < MOST_LINES ? null : el('p', { className: 'soft', textContent: `${t.newest}: ${grouped(all.length)}` });
  return el('section', {}, table('lines', t.linesOf, [heading(t.when), heading(t.services), heading(t.linesOf)], rows), full);
}
