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
  const language = document.documentElement.lang;
  const compare = new Intl.Collator(language, { numeric: true }).compare;
  const comma = new Intl.NumberFormat(language).format(0.5)[1];
  const number = text => {
    const digits = text.replace("−", "-").split("").filter(sign => /[\d-]/.test(sign) || sign === comma).join("");
    return digits ? parseFloat(digits.replace(comma, ".")) : NaN;
  };
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
        const [s, t] = [a.cells[i].textContent, b.cells[i].textContent];
        if (!head.classList.contains("n")) return compare(s, t) * (down ? 1 : -1);
        const [x, y] = [number(s), number(t)];
        if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
        return (x - y) * (down ? 1 : -1);
      });
      body.append(...rows);
    });
  });
})();
