(() => {
  "use strict";
  const byId = id => document.getElementById(id);
  const { locale, signs, words, pareto } = JSON.parse(byId("told").textContent);

  // Numbers and sentences as the report writes them: signs and sentences come from it, with their placeholders.
  const rounded = (value, digits, style = "decimal") => new Intl.NumberFormat("en-US", {
    style, minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven",
  }).format(value).replace(/[,.-]/g, sign => ({ ",": signs.group, ".": signs.decimal, "-": "−" })[sign]);
  const inPercents = (share, digits) => signs.percent.replace("0", rounded(share, digits, "percent").replace("%", ""));
  const percent = share => {
    const value = +share.toPrecision(12);
    if (value >= 0.9995 && value < 1) return `>\u00a0${percent(0.999)}`;
    return inPercents(value, (value !== 0 && Math.abs(value) < 0.005) || (value >= 0.995 && value < 1) ? 1 : 0);
  };
  const written = { count: value => rounded(value, 0), percent };
  const fill = (sentence, values) => sentence.replace(
    /\{(\w+)(?::(\w+))?\}/g, (_, name, format) => (written[format] || String)(values[name]));
  const say = (key, values) => fill(words[key] || words[`${key}.${values.n === 1 ? "one" : "other"}`], values);

  const make = (tag, className, text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  };

  if (pareto) moveThreshold();
  searchAndSort();
  reachScrollers();

  function moveThreshold() {
    const { values, names, margins, borderline, size, digits } = pareto;
    const n = values.length, all = values.reduce((sum, value) => sum + value, 0);
    let reached = 0;
    const shares = values.map(value => (reached += value) / all);
    // The account that crosses the threshold belongs to it: previous cumulated share < threshold − 1e-9, as in the report.
    const first = threshold => 1 + shares.slice(0, -1).filter(share => share < threshold - 1e-9).length;
    const atReport = first(pareto.threshold);
    const [endOfA, endOfB] = [first(0.8), first(0.95)];
    const classOf = i => (i < endOfA ? "A" : i < endOfB ? "B" : "C");
    const amount = value => {
      const scaled = value / size, least = 10 ** -digits;
      return scaled > 0 && scaled < least / 2 ? `< ${rounded(least, digits)}` : rounded(scaled, scaled < 100 ? digits : 0);
    };
    const slider = byId("threshold"), bars = byId("bars");
    const inPercent = +(pareto.threshold * 100).toFixed(6);
    const stepDigits = Number.isInteger(inPercent) ? 0 : 1;
    slider.step = 10 ** -stepDigits;
    slider.min = Math.min(slider.min, Math.floor(inPercent));
    slider.max = Math.max(slider.max, Math.ceil(inPercent));

    function rowsOf(nKey) {
      const named = Math.min(names.length, n);
      const rows = names.map((name, i) => ({ from: i, to: i + 1, name, height: 1 }));
      if (nKey > named) rows.push({ from: named, to: nKey, name: say("further_key_accounts", { n: nKey - named }), height: 3 });
      const rest = Math.max(nKey, named);
      if (rest < n) rows.push({ from: rest, to: n, name: say("rest", { n: n - rest }), height: 4 });
      let top = 0;
      for (const row of rows) {
        row.top = top;
        top += row.height;
        row.isBlock = row.height > 1;
        row.isKey = row.to <= nKey;
      }
      return rows;
    }

    function svg(className, width, height, paths) {
      const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      drawing.setAttribute("class", className);
      drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
      drawing.setAttribute("preserveAspectRatio", "none");
      for (const [look, d] of paths) {
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("class", look);
        path.setAttribute("d", d);
        drawing.append(path);
      }
      return drawing;
    }

    function draw(threshold) {
      const nKey = first(threshold), rows = rowsOf(nKey);
      const last = rows.at(-1), height = last.top + last.height;
      const yOf = i => { // where account i begins
        const row = rows.find(({ to }) => i <= to);
        return row.top + row.height * (i - row.from) / (row.to - row.from);
      };
      const paths = { A: "", B: "", C: "", rest: "" };
      let line = "", dots = "";
      values.forEach((value, i) => {
        const row = rows.find(({ to }) => i < to), rest = row.isBlock && !row.isKey;
        const gap = row.isBlock ? 0 : 0.16, y = yOf(i) + gap, end = yOf(i + 1) - gap;
        paths[rest ? "rest" : classOf(i)] += `M0 ${y}H${value / values[0]}V${end}H0z`;
        const middle = row.isBlock ? yOf(i + 1) : yOf(i) + 0.5;
        line += `${i ? "L" : "M"}${shares[i]} ${middle}`;
        if (!row.isBlock) dots += `M${shares[i]} ${middle}h0`;
      });
      const mark = row => (threshold === pareto.threshold && !row.isBlock && borderline.includes(row.from) ? " ◊" : "");
      const labelled = new Set([0, nKey - 1, n - 1]);
      const chart = make("div", `chart${margins ? " with-margin" : ""}`);
      chart.append(
        make("span", "head"), make("span", "head", pareto.head),
        ...(margins ? [make("span", "head end", words.margin_rate)] : []),
        make("span", "head line-head", words.cumulative), make("span", "head", words.class));
      const body = make("div", "body");
      body.style.setProperty("--rows", height);
      body.append(
        svg("amounts", 1, height, Object.entries(paths).map(([look, d]) => [`fill-${look}`, d])),
        svg("shares", 1, height, [["limit", `M${threshold} 0V${height}`], ["line", line], ["dots", dots]]));
      for (const row of rows) {
        const sum = values.slice(row.from, row.to).reduce((total, value) => total + value, 0);
        const at = (element, extra = 0) => {
          element.style.top = `calc(${row.top + extra} * var(--row))`;
          element.style.height = `calc(${row.height} * var(--row))`;
          return element;
        };
        const value = at(make("span", "value", row.isBlock ? say("together", { value: amount(sum) }) : amount(sum)));
        value.style.setProperty("--at", values[row.from] / values[0]);
        body.append(at(make("span", `name${row.isKey ? " key" : ""}${row.isBlock ? " block" : ""}`, row.name + mark(row))), value);
        if (margins) {
          const rate = row.isBlock ? null : margins[row.from];
          body.append(at(make("span", `margin${rate < 0 ? " minus" : ""}`, row.isBlock ? "" : rate === null ? "–" : percent(rate))));
        }
        const ends = [classOf(row.from), classOf(row.to - 1)];
        body.append(at(make("span", `class class-${row.isBlock && !row.isKey ? "rest" : ends[0]}`, [...new Set(ends)].join("–"))));
        for (const i of labelled) {
          if (i < row.from || i >= row.to) continue;
          const label = make("span", "share", percent(shares[i]));
          label.style.top = `calc(${row.isBlock ? yOf(i + 1) - 1 : row.top} * var(--row))`;
          label.style.setProperty("--at", shares[i]);
          body.append(label);
        }
      }
      if (nKey < n) {
        const cut = make("span", "cut");
        cut.style.top = `calc(${yOf(nKey)} * var(--row))`;
        body.append(cut);
      }
      const limit = make("span", "limit-name", say("threshold", { threshold }));
      limit.style.setProperty("--at", threshold);
      body.append(limit);
      chart.append(body);
      bars.replaceChildren(chart);
      return nKey;
    }

    function show(threshold) {
      const nKey = draw(threshold), values = { n: nKey, total: pareto.total, share: shares[nKey - 1] };
      const finding = fill(pareto.finding[nKey === 1 ? 0 : 1], values), more = nKey - atReport;
      const key = more > 0 ? "threshold_more" : more < 0 ? "threshold_fewer" : "threshold_same";
      byId("reached").textContent = inPercents(threshold, stepDigits);
      slider.setAttribute("aria-valuetext", byId("reached").textContent);
      byId("finding").textContent = finding;
      byId("change").textContent = say(key, { n: Math.abs(more), threshold: pareto.threshold });
      bars.setAttribute("aria-label", finding);
      byId("notes").hidden = threshold !== pareto.threshold;
      byId("reset").disabled = !byId("notes").hidden;
    }

    const back = () => {
      slider.value = inPercent;
      show(pareto.threshold);
    };
    slider.addEventListener("input", () => show(+slider.value === inPercent ? pareto.threshold : slider.value / 100));
    byId("reset").addEventListener("click", () => {
      back();
      slider.focus();
    });
    byId("live").hidden = false;
    document.documentElement.classList.add("moving");
    back();
  }

  function searchAndSort() {
    const table = byId("all-accounts"), search = byId("search");
    if (!table || !search) return;
    const body = table.tBodies[0], total = body.rows.length;
    const fold = text => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLocaleLowerCase(locale);
    const texts = new Map([...body.rows].map(row => [row, fold(row.textContent)]));
    search.closest("p").hidden = false;
    search.addEventListener("input", () => {
      const wanted = fold(search.value.trim());
      let n = 0;
      for (const [row, text] of texts) n += !(row.hidden = !text.includes(wanted));
      byId("hits").textContent = wanted ? say("hits", { n, total }) : "";
    });
    const compare = new Intl.Collator(locale, { numeric: true }).compare;
    const number = text => {
      const digits = [...text.replace("−", "-")].filter(sign => /[\d-]/.test(sign) || sign === signs.decimal).join("");
      return digits ? parseFloat(digits.replace(signs.decimal, ".")) : NaN;
    };
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      const button = make("button", "", head.textContent), isNumber = table.classList.contains(`n${i + 1}`);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending", sign = up ? 1 : -1;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        body.append(...[...body.rows].sort((a, b) => {
          const [s, t] = [a.cells[i].textContent, b.cells[i].textContent];
          if (!isNumber) return compare(s, t) * sign;
          const [x, y] = [number(s), number(t)];
          return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : (x - y) * sign;
        }));
      });
    });
  }

  // A table wider than its place can be scrolled by keyboard, and says what it is; others stay out of the way.
  function reachScrollers() {
    const look = new ResizeObserver(entries => entries.forEach(({ target }) => {
      const wide = target.scrollWidth > target.clientWidth;
      const set = (name, value) => (wide ? target.setAttribute(name, value) : target.removeAttribute(name));
      set("tabindex", "0");
      set("role", "group");
      const named = target.querySelector("[aria-label]");
      set("aria-label", target.querySelector("caption")?.textContent ?? named?.getAttribute("aria-label") ?? "");
    }));
    document.querySelectorAll(".scroll, figure").forEach(element => look.observe(element));
  }
})();
