// Elements out of data. Text becomes a text node and nothing else: what a label or a log line says is never markup.

const SVG = "http://www.w3.org/2000/svg";

// el("p", { class: "x", onclick: f }, "text", child, null)
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

// A link to where somebody else's text points: only to the web, never to a script.
export function outsideLink(address, label) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) return label;
  return el("a", { href: url.href, rel: "noreferrer noopener" }, label);
}

// Makes the place look like `children` and touches only what differs, so that a refresh takes neither the focus nor a
// selection away. Elements shown this way carry no listeners of their own: those would stay behind on the fresh ones.
export function show(place, ...children) {
  morphChildren(place, el("div", {}, ...children));
}

function morphChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
  wanted.forEach((node, index) => {
    const existing = old.childNodes[index];
    if (!existing) old.append(node);
    else if (existing.nodeName !== node.nodeName) existing.replaceWith(node);
    else morph(existing, node);
  });
}

function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // `open` is the reader's own doing.
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

export function empty(...words) {
  return el("p", { class: "empty" }, ...words);
}

export function code(text) {
  return el("code", {}, text);
}

export function chip(kind, text) {
  return el("span", { class: "chip", "data-kind": kind }, text);
}

export function trouble(failure) {
  return el("p", { class: "trouble", role: "alert" }, failure.message);
}

// A list of terms and what is said of them; pairs without a value are left out.
export function facts(pairs, className = "facts") {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (shown.length === 0) return null;
  return el("dl", { class: className }, shown.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
}
