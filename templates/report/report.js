(() => {
  "use strict";
  const table = document.getElementById("all-accounts");
  const search = document.getElementById("search");
  if (!table || !search) return;
  const body = table.tBodies[0];
  const fold = text => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLocaleLowerCase();
  search.closest("p").hidden = false;
  search.addEventListener("input", () => {
    const wanted = fold(search.value.trim());
    for (const row of body.rows) row.hidden = !fold(row.textContent).includes(wanted);
  });
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
  const value = (row, i) => row.cells[i].dataset.v;
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a, i), value(b, i)];
        if (x === undefined) return compare(a.cells[i].textContent, b.cells[i].textContent) * (down ? 1 : -1);
        if (x === "" || y === "") return (x === "") - (y === "");
        return (x - y) * (down ? 1 : -1);
      });
      body.append(...rows);
    });
  });
})();
