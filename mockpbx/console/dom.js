/** Making elements. Whatever comes from a client goes in as text, never as markup. */

/**
 * Makes an element: `h("button.primary", { type: "button", onclick: act }, "Answer")`.
 * Attributes: `on…` are listeners, `class`, `dataset` and `style` (an object) as one expects, true and false set and
 * leave out; null and undefined are left out. Children are elements, text, numbers or lists of them.
 */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) set(element, key, value);
  element.append(...flat(children));
  return element;
}

/** Puts other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** Sets the text of an element, where it differs: a screen reader is told of changes only. */
export function say(element, text) {
  const said = String(text ?? "");
  if (element.textContent !== said) element.textContent = said;
  return element;
}

/** Makes an icon of stroked paths in a box of 24: `icon("M4 4h16")`. It is decoration; name the control itself. */
export function icon(path, size = 18) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, class: "icon" })) {
    svg.setAttribute(key, value);
  }
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else if (key === "dataset") Object.assign(element.dataset, value);
  else if (key === "style") Object.assign(element.style, value);
  else if (key === "value" || key === "checked" || key === "disabled" || key === "hidden") element[key] = value;
  else element.setAttribute(key, value === true ? "" : value);
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
