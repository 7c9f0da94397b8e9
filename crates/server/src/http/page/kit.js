// This part: elements, tables and bars, and how the API is asked.

/** Makes an element; text is set as text, never as HTML. */
function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key in node) { node[key] = value; } else { node.setAttribute(key, value); }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

async function ask(path, read = (response) => response.json()) {
  const token = sessionStorage.getItem('token');
  const headers = { 'Accept-Language': language, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(path, { headers, signal: AbortSignal.timeout(15000) });
  if (response.ok) { return read(response); }
  throw Object.assign(new Error((await response.text()).trim() || String(response.status)), { status: response.status });
}

/** A heading cell, or one that only readers of the screen hear. */
const heading = (text, unseen = false) => el('th', { scope: 'col' }, unseen ? el('span', { className: 'unseen', textContent: text }) : text);

/** A cell; on a narrow screen its label stands before it. */
function cell(content, className = '', label = '') {
  const node = el('td', { className }, content);
  if (label) { node.setAttribute('data-label', label); }
  return node;
}

const rowHead = (content) => el('th', { scope: 'row', className: 'code' }, content);

function table(className, caption, heads, rows) {
  return el('table', { className }, el('caption', { className: 'unseen', textContent: caption }), el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows));
}

/** A bar as SVG: so much of the whole, and how much of it is too much. */
function bar(value, over, whole) {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(NS, 'svg');
  const attributes = { class: 'track', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' };
  Object.entries(attributes).forEach(([name, text]) => svg.setAttribute(name, text));
  const share = (amount) => (whole && amount ? Math.max(0.8, (100 * amount) / whole) : 0);
  const parts = [['all', 0, share(value)], ['over', Math.max(0, share(value) - share(over)), Math.min(share(over), share(value))]];
  for (const [kind, x, width] of parts) {
    const rect = document.createElementNS(NS, 'rect');
    Object.entries({ class: kind, x, width, height: 10 }).forEach(([name, text]) => rect.setAttribute(name, text));
    svg.append(rect);
  }
  return svg;
}

/** The address of an object's page, or of a list. */
function address(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value);
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}

const objectLink = (id, type, text = id) =>
  el('a', { href: address(`/orders/${encodeURIComponent(id)}`, { type: type === 'order' ? '' : type }), textContent: text });

/** Replaces what is shown; the focus and what was opened stay where they were. */
function show(...nodes) {
  const main = document.getElementById('main');
  const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  main.replaceChildren(...nodes.filter(Boolean));
  if (focused) { [...main.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus(); }
}
