"""The deck: one page per finding, charts and tables that PowerPoint itself draws, notes with method and source.

At most twelve pages come before the one-pagers and the appendix. A section that the story does not have gets no page, and
what a page cannot hold is continued in the appendix. Nothing stands in the file, its notes or its workbooks that is not in
the story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kamkit.deliver.drawing import INK, LINE, TINT, A, Box, C, Paragraph
from kamkit.deliver.native_charts import CLASSES, Draught, Plot, bar_chart, bubble_chart, pareto_chart, whale_chart
from kamkit.deliver.slide_tables import Cell, Grid, Placed
from kamkit.deliver.slides import NOTE_SIZE, SUBTITLE_SIZE, TABLE_SIZES, Deck, Slide
from kamkit.deliver.typesetting import high
from kamkit.model.codes import Answer, Basis, Gate
from kamkit.telling.account_pages import AccountPage
from kamkit.telling.canvas import Chart
from kamkit.telling.chart_data import HeatMapCell, HeatMapData, ParetoData, PortfolioData, WhaleData, unit_for
from kamkit.telling.language import Labels
from kamkit.telling.pareto_chart import BORDERLINE_MARK
from kamkit.telling.sections import Light, Points, Section, Tile
from kamkit.telling.story import Story
from kamkit.telling.tables import ABSENT, DisplayTable

MOST_NAMED, NARROWEST = 15, 0.7
"""Columns of the Pareto chart with a name of their own, and inches that such a column needs."""
NAME_LINES, NAMES_HIGH = 3, 0.58
PALEST, DARKEST = 0.10, 0.80
"""How much of the full colour the weakest and the strongest open field of a column has."""
LIGHTS = {Answer.YES: ("●", "accent6"), Answer.NO: ("✕", LINE), Answer.NOT_ASSESSABLE: ("○", INK)}
TILE_SIZE, TILE_INSET = 24.0, 0.14
NARROW = 11.0
"""Inches of a body that is too narrow for three columns."""
BESIDE = (11.0, 10.0)
"""Sizes of a table that shares its slide."""
SHORT, LONG_WORDS = 22, 34
"""Signs up to which the words of a column stand on one line, and from which on a column counts as long."""


def render_pptx(story: Story) -> bytes:
    """The story as a PowerPoint deck. The same story gives the same bytes.

    Raises DeliverableError where the template that the engagement names cannot be used.
    """
    deck = Deck(story.brand, story.labels)
    writer = _Writer(story, deck)
    writer.write()
    return deck.saved(f"{story.title} – {story.client}", story.period, story.footer or "kamkit", story.date)


@dataclass
class _Writer:
    """Puts the sections on slides, in the order in which a partner wants them."""

    story: Story
    deck: Deck
    left: list[tuple[Section, int, DisplayTable, Callable[[DisplayTable], Grid]]] = field(default_factory=list)
    """What is continued in the appendix: whose rows, how many in all, which of them, and how they are set."""

    def write(self) -> None:
        story = self.story
        sections = {section.key: section for section in (*story.main, *story.appendix)}
        pages: dict[str, Callable[[Section], None]] = {
            "at_a_glance": self._at_a_glance,
            "changes": self._changes,
            "pareto": self._pareto,
            "margin": self._margin,
            "recommendations": self._recommendations,
            "plan": self._plan,
            "existence": self._existence,
            "types": self._types,
            "portfolio": self._portfolio,
            "options": self._options,
            "investment": self._investment,
            "missing": self._missing,
        }
        for key, write in pages.items():
            if key in sections:
                write(sections[key])
            if key == "pareto" and key in sections:
                self._borderline(sections[key])
        for page in self.story.pages:
            if page.is_managed:
                self._one_pager(page)
        self._appendix()

    @property
    def labels(self) -> Labels:
        return self.story.labels

    @property
    def draught(self) -> Draught:
        theme = self.deck.theme
        return Draught(self.labels, self.story.date, theme.legible(LINE), theme.on(A))

    # What every slide has

    def _slide(
        self,
        section: Section,
        title: str,
        subtitle: str,
        chart: Chart | None = None,
        below: Sequence[str] = (),
        read: str = "",
    ) -> Slide:
        """A slide with its frame and its notes: how it is read, what it rests on, what people said."""
        labels, story = self.labels, self.story
        source = chart.source if chart else labels("chart.source", source=labels("chart.default_source"))
        footers = [
            " · ".join(part for part in parts if part)
            for parts in (
                (story.client, story.title, story.footer, story.confidentiality),
                (story.client, story.footer, story.confidentiality),
                (story.client, story.confidentiality),
                (story.confidentiality,),
            )
        ]
        slide = self.deck.slide(title.rstrip("."), subtitle, [*below, source], footers, section.to_do)
        notes = [
            labels(f"deck.read_{read}") if read else "",
            section.text,
            *(chart.notes if chart else ()),
            section.to_do,
            section.limits,
            *self._comments(section),
            source,
        ]
        slide.notes(part for part in notes if part)
        return slide

    def _comments(self, section: Section) -> Iterator[str]:
        if section.comments:
            yield self.labels("report.comments")
        for said in section.comments:
            by = f" ({said.by})" if said.by else ""
            yield " ".join(filter(None, [f"{said.account}:" if said.account else "", said.text + by, said.moved]))

    def _subtitle(self, section: Section, n: int) -> str:
        return self.labels("deck.subtitle", name=section.name, period=self.story.period, n=n)

    def _tiles(self, slide: Slide, box: Box, tiles: Sequence[Tile]) -> float:
        """Figures side by side; gives where they end."""
        places = box.columns(*[1.0] * len(tiles), gap=0.2)
        room = places[0].width - 2 * TILE_INSET - 0.05
        measure, size = slide.type, TILE_SIZE
        while size > 14 and any(measure.width(tile.value, size, bold=True) > room for tile in tiles):
            size -= 1
        lines = max(
            min(len(measure.wrapped(tile.title, room, 12)), 3)
            + (min(len(measure.wrapped(tile.note, room, 12)), 2) if tile.note else 0)
            for tile in tiles
        )
        tall = high(1, size) + high(lines, 12) + 2 * TILE_INSET + 0.02
        for tile, place in zip(tiles, places, strict=True):
            words = [
                Paragraph(tile.value, bold=True, colour=slide.theme.legible(A), size=size),
                Paragraph(measure.fitted(tile.title, room, 12, lines=3), size=12),
            ]
            if tile.note:
                note = measure.fitted(tile.note, room, 12, lines=2)
                words.append(Paragraph(note, colour=slide.muted, size=12))
            slide.text(place.above(place.top + tall), words, fill=TINT, inset=TILE_INSET)
        return box.top + tall

    # The slides

    def _at_a_glance(self, section: Section) -> None:
        labels, story = self.labels, self.story
        where = " · ".join((story.client, story.title, story.period, labels("report.created", date=story.date)))
        slide = self._slide(section, section.finding, where)
        top = slide.body.top
        if section.banner:
            lines = slide.type.wrapped(section.banner, slide.body.width - 0.3, 12, bold=True)
            tall = high(len(lines), 12) + 0.16
            banner = [Paragraph(section.banner, bold=True, size=12)]
            slide.text(slide.body.above(top + tall), banner, fill=TINT, inset=0.08)
            top += tall + 0.15
        if section.tiles:
            top = self._tiles(slide, slide.body.below(top), section.tiles) + 0.25
        if section.lists:
            for points, box in zip(
                section.lists, slide.body.below(top).columns(*[1.0] * len(section.lists)), strict=True
            ):
                self._points(slide, box, [points], sizes=(16.0, 14.0, 13.0, 12.0))

    def _points(
        self, slide: Slide, box: Box, lists: Sequence[Points], sizes: Sequence[float] = (14.0, 13.0, 12.0)
    ) -> float:
        """Titled lists in the largest size at which all fits; what does not fit is counted. Gives where they end."""
        return slide.points(
            box,
            [(part.title, part.points) for part in lists if part.points],
            sizes,
            lambda n: self.labels("deck.more_points", n=n),
        )

    def _changes(self, section: Section) -> None:
        slide = self._slide(section, section.finding, f"{section.name} · {self.story.period}")
        box, top = slide.body, slide.body.top
        if section.tables and section.lists:
            box, right = slide.body.columns(1.0, 1.0)
        else:
            right = box
        told = self._points(slide, box, section.lists) + 0.1 if section.lists else box.top
        for table in section.tables:
            place = slide.heading(right.below(top), table.caption)
            top = self._table(slide, place, section, table, sizes=BESIDE) + 0.2
        below = box.below(told if section.lists else top)
        slide.paragraphs(below, [Paragraph(section.text, size=12, colour=slide.muted)] if section.text else [])

    def _pareto(self, section: Section) -> None:
        chart, labels = section.chart, self.labels
        if chart is None or not isinstance(chart.data, ParetoData) or not chart.data.rows:
            return
        rated = any(row.margin_rate is not None for row in chart.data.rows)
        bold = {
            labels("chart.note_bold", threshold=chart.data.threshold, of=labels(f"chart.of_{basis}")) for basis in Basis
        }
        notes = [note for note in chart.notes if rated or note not in bold]
        slide = self._slide(section, section.finding, chart.subtitle, chart, notes, read="pareto")
        measure, box = slide.type, slide.body
        heads = [labels("chart.class"), labels("chart.margin_rate")]
        left = max(measure.width(head, NOTE_SIZE, bold=True) for head in heads) + 0.2
        right = measure.width(labels.percent(1), NOTE_SIZE) + 0.2
        room = box.width - left - right
        data = chart.data.shortened(min(MOST_NAMED, int(room / NARROWEST) - 2), labels)
        slot = room / len(data.rows)
        marks = [f" {BORDERLINE_MARK}" if row.is_borderline and row.n_accounts == 1 else "" for row in data.rows]
        names = [
            measure.short_name(row.name, slot - 0.04, NOTE_SIZE, NAME_LINES) + mark
            for row, mark in zip(data.rows, marks, strict=True)
        ]
        rows = [self._classes(slide, data)]
        if rated:
            rows.append(self._rates(slide, data))
        strip = 0.27 * len(rows)
        above = box.above(box.bottom - strip)
        plot = Plot(above.width, above.height, left, 0.28, right, NAMES_HIGH)
        slide.chart(above, pareto_chart(data, names, plot, self.draught), section.name, chart.alt_text)
        grid = Grid((), tuple(rows), (left, *[slot] * len(data.rows)), middle=True)
        place = Box(box.left, box.bottom - strip, box.right - right, box.bottom)
        slide.table(
            place,
            grid,
            labels("chart.class"),
            labels("deck.strip_alt" if len(rows) > 1 else "deck.strip_alt_classes"),
            sizes=(NOTE_SIZE,),
        )

    def _classes(self, slide: Slide, data: ParetoData) -> tuple[Cell, ...]:
        """Which columns belong to which class, as a bracket below them."""
        cells: list[Cell] = [Cell(self.labels("chart.class"), bold=True)]
        first = 0
        while first < len(data.rows):
            abc, last = data.rows[first].abc_class, first
            while last + 1 < len(data.rows) and data.rows[last + 1].abc_class == abc:
                last += 1
            fill = CLASSES[abc] if abc else ""
            colour = slide.theme.on(fill) if fill else INK
            cells.append(
                Cell(abc or ABSENT, True, colour, fill=fill, hatched=not fill, align="ctr", span=last - first + 1)
            )
            cells += [Cell("", merged=True)] * (last - first)
            first = last + 1
        return tuple(cells)

    def _rates(self, slide: Slide, data: ParetoData) -> tuple[Cell, ...]:
        rates = [
            Cell(
                ABSENT if row.margin_rate is None else self.labels.percent(row.margin_rate),
                row.is_key,
                INK if row.margin_rate is None or row.margin_rate >= 0 else slide.theme.legible(LINE),
                align="ctr",
            )
            for row in data.rows
        ]
        return (Cell(self.labels("chart.margin_rate"), bold=True), *rates)

    def _borderline(self, section: Section) -> None:
        """How certain it is that those at the cut belong to the key accounts."""
        table = next((t for t in section.tables if t.key == "borderline"), None)
        if table is None:
            return
        labels = self.labels
        title = next(column.title for column in table.columns if column.name == "membership_probability")
        subtitle = labels("deck.subtitle", name=title, period=self.story.period, n=len(table) + table.left)
        slide = self._slide(section, table.finding or table.caption, subtitle, section.chart, read="borderline")
        grid = replace(self._grid(table.without("membership_probability")), even=True)
        left, right = slide.body.columns(1.35, 1.0, gap=0.1)
        tall = min(0.42 * (len(table) + 1), slide.body.height)
        placed = slide.table(left.above(left.top + tall), grid, table.caption, self._alt(table), roomy=True)
        rows, head = range(placed.shown), placed.heights[0]
        series = []
        for name, is_key, colour in (("deck.in_list", True, A), ("deck.near_list", False, C)):
            own = [i for i in rows if bool(table.raw(i, "is_key_account")) == is_key]
            shares = {i: float(table.raw(i, "membership_probability")) for i in own}
            if shares:
                series.append((labels(name), [shares.get(i) for i in rows], colour))
        bars = right.below(left.top + head).above(placed.bottom)
        plot = Plot(bars.width, bars.height, 0.05, 0.0, 0.6, 0.0)
        names = [row["name"] for row in table.records()][: placed.shown]
        chart = bar_chart(names, series, self.draught.percent, 1.0, plot, self.draught)
        slide.chart(bars, chart, title, self._alt(table))
        slide.text(right.above(left.top + head - 0.02), [Paragraph(title, bold=True, size=placed.size)], low=True)
        told = [section.text.removeprefix(table.finding).strip()]
        if hidden := table.left + len(table) - placed.shown:
            told.insert(0, labels("deck.in_report", n=hidden))
        words = [Paragraph(text, size=12, colour=slide.muted) for text in told if text]
        slide.paragraphs(slide.body.below(placed.bottom + 0.15), words)

    def _margin(self, section: Section) -> None:
        chart, labels = section.chart, self.labels
        whale = chart is not None and isinstance(chart.data, WhaleData)
        slide = self._slide(
            section, section.finding, chart.subtitle if chart else section.name, chart, read="whale" if whale else ""
        )
        box = slide.body
        if chart is not None and isinstance(chart.data, WhaleData):
            left, box = slide.body.columns(1.15, 1.0)
            data, left = chart.data, slide.heading(left, chart.title)
            write = labels.percent if data.in_shares else labels.money_short
            top = data.cumulated[data.n_at_peak - 1] if data.n_at_peak else 0.0
            peak = labels("value.whale_peak", share=write(top), n=data.n_at_peak)
            end = labels("value.whale_end", share=write(data.cumulated[-1]))
            losers = chart.notes[:1]
            foot = left.bottom - (0.5 if losers else 0.0)
            frame = left.above(foot)
            plot = Plot(frame.width, frame.height, 0.75, 0.3, slide.type.width(end, NOTE_SIZE, bold=True) + 0.2, 0.4)
            slide.chart(frame, whale_chart(data, peak, end, plot, self.draught), chart.title, chart.alt_text)
            slide.paragraphs(left.below(foot + 0.05), [Paragraph(text, size=12, colour=slide.muted) for text in losers])
        top = box.top
        for table in section.tables:
            if len(table):
                place = slide.heading(box.below(top), table.caption)
                top = self._table(slide, place, section, table, sizes=BESIDE) + 0.2
        if box.bottom - top > 0.9:
            self._points(slide, box.below(top), section.lists[:1], sizes=(12.0,))

    def _recommendations(self, section: Section) -> None:
        for table in section.tables:
            close = any(row.get("close_by", ABSENT) != ABSENT for row in table.records())
            below = [self.labels("deck.close", mark=self.labels("plan.close_mark"))] if close else []
            n = len(table) + table.left
            slide = self._slide(section, section.finding, self._subtitle(section, n), below=below)
            self._table(slide, slide.body, section, table, self._advice)

    def _advice(self, table: DisplayTable) -> Grid:
        titles = {column.name: column.title for column in table.columns}
        heads = ("name", "recommended_option", "reason", "first_step")
        rows = []
        for row in table.records():
            close = f" {self.labels('plan.close_mark')}" if row.get("close_by", ABSENT) != ABSENT else ""
            beside = row["supporting_option"]
            rows.append(
                (
                    Cell(row["name"], bold=True),
                    Cell(
                        row["recommended_option"] + close,
                        bold=True,
                        colour=self.deck.theme.legible(A),
                        below="" if beside == ABSENT else self.labels("plan.beside", option=beside),
                    ),
                    Cell(row["reason"]),
                    Cell(row["first_step"]),
                )
            )
        return Grid(tuple(self._head(titles[name]) for name in heads), tuple(rows), (1.0, None, 2.0, 2.0))

    def _plan(self, section: Section) -> None:
        for table in section.tables:
            slide = self._slide(section, section.finding, self._subtitle(section, len(table) + table.left))
            self._table(slide, slide.body, section, table, self._steps)
            self.left.append((section, len(table), table, self._asked))

    def _steps(self, table: DisplayTable) -> Grid:
        titles = {column.name: column.title for column in table.columns}
        labels = self.labels
        rows = []
        for row in table.records():
            owner = row.get("owner", ABSENT)
            who = row["role"] if owner == ABSENT else owner
            rows.append(
                (
                    Cell(row["rank"], align="r"),
                    Cell(row["name"], bold=True, below=row["option"]),
                    Cell(row["trigger"], colour=self.deck.muted),
                    Cell(row["first_step"]),
                    Cell(who),
                    Cell(row["due_date"]),
                    Cell(row["at_stake"], bold=True, below=row["stake"], align="r"),
                )
            )
        heads = (
            Cell("", bold=True),
            self._head(titles["name"]),
            self._head(titles["trigger"]),
            self._head(titles["first_step"]),
            self._head(titles["role"]),
            self._head(titles["due_date"]),
            self._head(labels("plan.stake"), "r"),
        )
        return Grid(heads, tuple(rows), (None, 2.6, 1.6, 4.1, 1.7, None, 1.25), pad=0.02)

    def _asked(self, table: DisplayTable) -> Grid:
        """The plan's questions to the customer, and when a step ends: for whoever carries it out."""
        titles = {column.name: column.title for column in table.columns}
        names = ("name", "question", "stop_criterion")
        rows = tuple(tuple(Cell(row[name], bold=name == "name") for name in names) for row in table.records())
        return Grid(tuple(self._head(titles[name]) for name in names), rows, (1.0, 2.0, 1.6))

    def _existence(self, section: Section) -> None:
        labels = self.labels
        slide = self._slide(section, section.finding, f"{section.name} · {self.story.period}")
        rows = tuple(self._light(slide, light) for light in section.lights)
        heads = tuple(self._head(labels(f"deck.{name}")) for name in ("answer", "condition", "seen"))
        grid = Grid(heads, rows, (None, 1.0, 1.2), middle=True)
        types = next((s for s in self.story.main if s.key == "types"), None)
        room = slide.body if types is None else slide.body.above(slide.body.bottom - 0.75)
        placed = slide.table(
            room,
            grid,
            section.name,
            labels("deck.table_alt", caption=section.name, n=len(rows), heads=[cell.text for cell in heads]),
            sizes=(14.0, 13.0, 12.0),
        )
        if types is not None:
            words = [
                Paragraph(types.name, bold=True, colour=slide.theme.legible(A), size=12),
                Paragraph(types.finding, size=12),
            ]
            slide.paragraphs(slide.body.below(max(placed.bottom + 0.15, slide.body.bottom - 0.7)), words)

    def _light(self, slide: Slide, light: Light) -> tuple[Cell, ...]:
        sign, colour = LIGHTS[Answer(light.answer)]
        return (
            Cell(f"{sign} {light.word}", bold=True, colour=slide.theme.legible(colour)),
            Cell(light.text),
            Cell(light.note, colour=slide.muted),
        )

    def _types(self, section: Section) -> None:
        """The types stand below the traffic light; without it they have a page, and exceptions are in the appendix."""
        alone = not any(s.key == "existence" for s in self.story.main)
        for table in section.tables:
            if not alone:
                self.left.append((section, len(table) + table.left, table, self._grid))
        if alone:
            slide = self._slide(section, section.finding, f"{section.name} · {self.story.period}")
            top = slide.paragraphs(slide.body, [Paragraph(section.text, size=14)])
            for table in section.tables:
                top = self._table(slide, slide.body.below(top + 0.2), section, table)

    def _portfolio(self, section: Section) -> None:
        chart = section.chart
        if chart is None or not isinstance(chart.data, PortfolioData) or not chart.data.points:
            return
        data, labels = chart.data, self.labels
        slide = self._slide(section, section.finding, chart.subtitle, chart, chart.notes[:1], read="portfolio")
        left, right = slide.body.columns(2.5, 1.0, gap=0.3)
        plot = Plot(left.width, left.height, 0.95, 0.15, 0.3, 0.72)
        slide.chart(left, bubble_chart(data, plot, self.draught), section.name, chart.alt_text)
        rows = tuple(
            (
                Cell(
                    ABSENT if p.rank is None else labels.count(p.rank),
                    bold=True,
                    colour=slide.theme.legible(A),
                    align="r",
                ),
                Cell(p.name),
            )
            for p in data.points
            if p.is_numbered
        )
        heads = (self._head(labels("column.rank"), "r"), self._head(labels("column.name")))
        slide.table(
            right,
            Grid(heads, rows, (None, 1.0), lines=1, pad=0.012),
            labels("deck.key"),
            labels("deck.table_alt", caption=labels("deck.key"), n=len(rows), heads=[h.text for h in heads]),
        )

    def _options(self, section: Section) -> None:
        chart = section.chart
        if chart is None or not isinstance(chart.data, HeatMapData) or not chart.data.rows:
            return
        data, labels = chart.data, self.labels
        slide = self._slide(section, section.finding, chart.subtitle, chart, chart.notes, read="options")
        takeover = labels("heat_map_option.takeover")
        heads, shares = [self._head(labels("column.name"))], [2.6]
        for name in data.columns:
            heads += [Cell(""), self._head(name, "ctr")]
            shares += [0.1, 1.2]
        rows = []
        for row in data.rows:
            cells = [Cell(row.name)]
            for name, cell in zip(data.columns, row.cells, strict=True):
                colour = LINE if name == takeover else A
                cells += [Cell(""), self._field(slide, cell, colour)]
            rows.append(tuple(cells))
        grid = Grid(tuple(heads), tuple(rows), tuple(shares), boxed=True, middle=True, lines=1, pad=0.008)
        placed = slide.table(slide.body, grid, section.name, chart.alt_text, sizes=BESIDE)
        if placed.shown < len(rows):
            placed = replace(placed, bottom=slide.body.bottom - 0.1)
            self._told(slide, slide.body, placed, labels("deck.in_report", n=len(rows) - placed.shown))

    def _field(self, slide: Slide, field: HeatMapCell, colour: str) -> Cell:
        """An open field has a colour by its strength, a closed one none, one that cannot be assessed is hatched; the
        recommended one is framed."""
        fill = "" if field.strength is None else f"{colour}:{PALEST + (DARKEST - PALEST) * field.strength:.2f}"
        return Cell(
            field.text,
            bold=bool(fill),
            colour=slide.theme.on(fill) if fill else slide.muted,
            fill=fill,
            hatched=field.gate == Gate.NOT_ASSESSABLE,
            framed=field.is_recommended,
            align="ctr",
        )

    def _investment(self, section: Section) -> None:
        slide = self._slide(section, section.finding, f"{section.name} · {self.story.period}")
        top = slide.body.top
        if section.tiles:
            top = self._tiles(slide, slide.body, section.tiles) + 0.2
        box = slide.body.below(top)
        lists = [part for part in section.lists if part.points]
        columns = (
            box.columns(*[1.0] * min(len(lists), 2), *[1.15] * bool(section.tables)) if lists or section.tables else []
        )
        if box.width < NARROW and lists and section.tables:
            columns = box.columns(1.0, 1.0)
            self._points(slide, columns[0], lists, sizes=(13.0, 12.0))
        elif len(lists) > 1:
            self._points(slide, columns[0], [lists[0], *lists[2:]], sizes=(13.0, 12.0))
            self._points(slide, columns[1], [lists[1]], sizes=(13.0, 12.0))
        elif lists:
            self._points(slide, columns[0], lists, sizes=(13.0, 12.0))
        for table in section.tables[:1]:
            self._table(slide, slide.heading(columns[-1], table.caption), section, table, sizes=BESIDE)

    def _missing(self, section: Section) -> None:
        for table in section.tables:
            slide = self._slide(section, section.finding, self._subtitle(section, len(table) + table.left))
            self._table(slide, slide.body, section, table)

    def _one_pager(self, page: AccountPage) -> None:
        """A confirmed, managed key account: figures, advice, what speaks for and against it, revenue through the years."""
        section, labels = page.section, self.labels
        begin, end = self.deck.sides
        facts = [f"{title}: {value}" for title, value in page.facts]
        while len(facts) > 1 and self.deck.theme.body.width(" · ".join(facts), SUBTITLE_SIZE) > end - begin - 0.2:
            facts.pop()
        slide = self._slide(section, f"{section.name}: {section.finding}", " · ".join(facts))
        top = self._tiles(slide, slide.body, section.tiles) + 0.2 if section.tiles else slide.body.top
        left, right = slide.body.below(top).columns(1.4, 1.0)
        self._points(slide, left, section.lists, sizes=(13.0, 12.0))
        bars = page.history.bars
        if bars:
            unit = unit_for(max(bar.value for bar in bars), min(bar.value for bar in bars), labels)
            head = labels("chart.head", measure=page.history_title, unit=unit.name)
            right = slide.heading(right, head)
            box = right.above(right.top + 0.3 * len(bars))
            room = max(slide.type.width(bar.name, NOTE_SIZE) for bar in bars) + 0.15
            most = max(*(bar.value for bar in bars), 1.0)
            series = [(page.history_title, [bar.value for bar in bars], A)]
            chart = bar_chart(
                [bar.name for bar in bars],
                series,
                self.draught.money(unit),
                most,
                Plot(box.width, box.height, room, 0.0, 0.6, 0.0),
                self.draught,
                named=True,
            )
            alt = labels("deck.history_alt", listed=[f"{bar.name} {bar.label}" for bar in bars])
            slide.chart(box, chart, head, alt)
            right = right.below(box.bottom + 0.2)
        for table in section.tables:
            place = slide.heading(right, table.caption)
            right = right.below(self._table(slide, place, section, table, sizes=BESIDE) + 0.2)

    # Tables

    def _head(self, title: str, align: str = "l") -> Cell:
        return Cell(title, bold=True, align=align)

    def _alt(self, table: DisplayTable) -> str:
        return self.labels(
            "deck.table_alt", caption=table.caption, n=len(table), heads=[c.title for c in table.columns]
        )

    def _grid(self, table: DisplayTable) -> Grid:
        """A table as it stands in the story: numbers right, names bold, long words sharing the room."""
        heads = tuple(self._head(column.title, "r" if column.is_numeric else "l") for column in table.columns)
        rows = tuple(
            tuple(
                Cell(cell, bold=column.name == "name", align="r" if column.is_numeric else "l")
                for cell, column in zip(row, table.columns, strict=True)
            )
            for row in table.cells
        )
        lengths = [max(map(len, texts), default=1) for texts in zip(*table.cells, strict=True)]
        shares = tuple(
            None
            if column.is_numeric or (length <= SHORT and column.name != "name")
            else float(min(max(length, LONG_WORDS), 4 * LONG_WORDS)) ** 0.8
            for column, length in zip(table.columns, lengths, strict=True)
        )
        return Grid(heads, rows, shares)

    def _table(
        self,
        slide: Slide,
        box: Box,
        section: Section,
        table: DisplayTable,
        grid: Callable[[DisplayTable], Grid] | None = None,
        sizes: Sequence[float] = TABLE_SIZES,
    ) -> float:
        """A table of the story as far as it fits, and below it how many rows are left and where; gives where it ends.
        What does not fit is continued in the appendix."""
        grid = grid or self._grid
        made, foot = grid(table), 0.24 if table.left else 0.0
        if slide.measured(box.above(box.bottom - foot), made, sizes).shown < len(table):
            foot = 0.24
        placed = slide.table(box.above(box.bottom - foot), made, table.caption, self._alt(table), sizes)
        if placed.shown < len(table):
            rest = replace(table, rows=table.rows[placed.shown :], cells=table.cells[placed.shown :])
            self.left.append((section, len(table) + table.left, rest, grid))
            return self._told(slide, box, placed, self.labels("deck.continued", n=len(rest)))
        if table.left:
            return self._told(slide, box, placed, self.labels("deck.in_report", n=table.left))
        return placed.bottom

    def _told(self, slide: Slide, box: Box, placed: Placed, text: str) -> float:
        """A small line below a table; gives where it ends."""
        foot = Box(box.left, placed.bottom + 0.03, box.right, placed.bottom + 0.23)
        slide.text(foot, [Paragraph(text, colour=slide.muted, size=NOTE_SIZE)])
        return foot.bottom

    def _appendix(self) -> None:
        """The rows that the pages before had no room for."""
        for section, n, table, grid in self.left:
            rest = table
            while len(rest):
                slide = self._slide(
                    section, section.finding, self.labels("deck.appendix", subtitle=self._subtitle(section, n))
                )
                box = slide.body.above(slide.body.bottom - 0.24)
                placed = slide.table(box, grid(rest), table.caption, self._alt(rest))
                rest = replace(rest, rows=rest.rows[placed.shown :], cells=rest.cells[placed.shown :])
                if not len(rest) and table.left:
                    self._told(slide, box, placed, self.labels("deck.in_report", n=table.left))
