/** A list of which only the rows that are seen are elements, however long it is. */
import { h } from "./dom.js";

const BEYOND = 4; // rows beyond each edge
let made = 0;

/**
 * A list of rows of one height: a listbox for screen readers, with arrows, Page Up and Down, Home, End, and Enter as a
 * click.
 * `make()` makes a row's element, `put(element, item)` shows an item in it: elements are used again for other items.
 * `pick(item)`, where it is given, hears of clicks.
 */
export class List {
  constructor({ label, height, make, put, pick }) {
    Object.assign(this, { height, make, put, pick });
    this.id = `list${++made}`;
    this.rows = h("div.list-rows", { role: "presentation" });
    const hears = { onscroll: () => this.#soon(), onkeydown: (event) => this.#key(event) };
    this.element = h("div.list", { role: "listbox", tabindex: "0", "aria-label": label, ...hears }, this.rows);
    this.all = [];
    this.slots = new Map(); // index -> element
    this.spare = [];
    this.active = null; // the item that the keyboard is at
    this.chosen = null;
    this.watcher = new ResizeObserver(() => this.#layOut());
    this.watcher.observe(this.element);
  }

  get items() {
    return this.all;
  }

  /** Other items. What was seen stays where it was, except at the top and the end, which stay in view. */
  set items(items) {
    const { scrollTop } = this.element;
    const anchor = scrollTop > 0 && !this.atEnd ? this.all[Math.floor(scrollTop / this.height)] : undefined;
    const end = this.atEnd && scrollTop > 0;
    const before = anchor === undefined ? -1 : this.all.indexOf(anchor);
    const grown = items.length !== this.all.length;
    this.all = items;
    if (grown) this.rows.style.height = `${items.length * this.height}px`;
    const after = before < 0 ? -1 : items.indexOf(anchor);
    if (after >= 0 && after !== before) this.element.scrollTop = scrollTop + (after - before) * this.height;
    else if (end && grown) this.toEnd();
    this.#layOut();
  }

  /** The item that is shown as chosen, null for none. */
  set selected(item) {
    this.chosen = item;
    if (item !== null) this.active = item;
    this.refresh();
  }

  /** Whether the last row is in view. */
  get atEnd() {
    const { scrollTop, clientHeight } = this.element;
    return scrollTop + clientHeight >= this.all.length * this.height - this.height / 2;
  }

  /** Shows the last row. */
  toEnd() {
    this.element.scrollTop = this.all.length * this.height;
  }

  /** Scrolls to an item where it is out of view. */
  show(item) {
    const index = this.all.indexOf(item);
    if (index < 0) return;
    const [top, { scrollTop, clientHeight }] = [index * this.height, this.element];
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
  }

  /** Shows the items that are seen once more, since they have changed. */
  refresh() {
    this.#layOut();
  }

  /** The items that are seen. */
  visible() {
    const [first, end] = this.#range(0);
    return this.all.slice(first, end);
  }

  /** Lets go of everything. */
  close() {
    cancelAnimationFrame(this.due);
    this.watcher.disconnect();
    this.element.remove();
    this.slots.clear();
    this.spare = [];
    this.all = [];
  }

  #range(beyond) {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - beyond);
    return [first, Math.min(this.all.length, Math.ceil((scrollTop + clientHeight) / this.height) + beyond)];
  }

  #soon() {
    this.due ??= requestAnimationFrame(() => this.#layOut());
  }

  #layOut() {
    cancelAnimationFrame(this.due);
    this.due = undefined;
    const [first, end] = this.#range(BEYOND);
    for (const [index, element] of this.slots) {
      if (index >= first && index < end) continue;
      this.slots.delete(index);
      this.spare.push(element);
    }
    for (let index = first; index < end; index++) this.#fill(index);
    for (const element of this.spare) element.remove(); // kept, for when the list grows again
    this.#mark();
  }

  #fill(index) {
    let element = this.slots.get(index);
    if (!element) {
      element = this.spare.pop() ?? this.#row();
      element.style.transform = `translateY(${index * this.height}px)`;
      this.slots.set(index, element);
      if (!element.isConnected) this.rows.append(element);
    }
    const item = this.all[index];
    attribute(element, "id", `${this.id}-${index}`);
    attribute(element, "aria-posinset", index + 1);
    attribute(element, "aria-setsize", this.all.length);
    attribute(element, "aria-selected", item === this.chosen);
    element.classList.toggle("active", item === this.active);
    this.put(element, item);
  }

  #row() {
    const element = this.make();
    element.setAttribute("role", "option");
    element.classList.add("list-row");
    element.style.height = `${this.height}px`;
    element.addEventListener("click", () => this.#click(element));
    return element;
  }

  #click(element) {
    const [index] = [...this.slots].find(([, each]) => each === element) ?? [];
    if (index === undefined) return;
    this.active = this.all[index];
    this.#layOut();
    this.pick?.(this.active);
  }

  /** Tells a screen reader where the keyboard is, if that row is an element. */
  #mark() {
    const index = this.active === null ? -1 : this.all.indexOf(this.active);
    if (this.slots.has(index)) attribute(this.element, "aria-activedescendant", `${this.id}-${index}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.element || !this.all.length) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const now = this.all.indexOf(this.active);
    const last = this.all.length - 1;
    const ways = {
      ArrowDown: now + 1,
      ArrowUp: now < 0 ? last : now - 1,
      PageDown: now + page,
      PageUp: now - page,
      Home: 0,
      End: last,
    };
    if (event.key in ways) {
      this.active = this.all[Math.min(last, Math.max(0, ways[event.key]))];
      this.show(this.active);
      this.#layOut();
    } else if ((event.key === "Enter" || event.key === " ") && now >= 0) {
      this.slots.get(now)?.click();
    } else {
      return;
    }
    event.preventDefault();
  }
}

function attribute(element, name, value) {
  const told = String(value);
  if (element.getAttribute(name) !== told) element.setAttribute(name, told);
}
