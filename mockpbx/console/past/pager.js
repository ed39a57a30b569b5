/** Where one is among the pages of a query, and the way to the others. */
import { fill, h } from "../dom.js";
import { SIZES } from "./query.js";

/** Makes the pager: `{ element, show(query, total) }`. `go(change)` is told what is to be another in the query. */
export function openPager(go) {
  const element = h("nav.row.pager", { "aria-label": "Pages" });
  const step = (text, label, page, possible) => h(
    "button", { type: "button", "aria-label": label, disabled: !possible, onclick: () => go({ page }) },
    text,
  );
  const size = (limit) => h(
    "select", { onchange: ({ target }) => go({ limit: Number(target.value), page: 1 }) },
    SIZES.map((each) => h("option", { value: each, selected: each === limit }, each)),
  );
  const show = ({ page, limit }, total) => {
    const last = Math.max(1, Math.ceil(total / limit));
    fill(
      element,
      h("label.row", {}, "Rows", size(limit)),
      h("span.soft", {}, `page ${page.toLocaleString("en")} of ${last.toLocaleString("en")}`),
      h(
        "div.group", {},
        step("«", "first page", 1, page > 1),
        step("‹", "page before", Math.min(page - 1, last), page > 1),
        step("›", "next page", page + 1, page < last),
        step("»", "last page", last, page < last),
      ),
    );
  };
  return { element, show };
}
