"""Charts that PowerPoint draws itself and people can edit: combination, whale curve, bars and bubbles.

Each is the XML of a chart part and a workbook with the numbers behind it. What the chart shows is cached in it from the same
columns that are written to the workbook, so the two cannot differ. Axes are unsigned numbers, each named twice.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from kamkit.deliver.drawing import (
    INK,
    LINE,
    MUTE,
    PAPER,
    RULE,
    A,
    B,
    C,
    fill_xml,
    hatch_xml,
    language_tag,
    line_xml,
    printable,
    xml_text,
)
from kamkit.telling.chart_data import Axis, ParetoData, PortfolioData, PortfolioPoint, Unit, WhaleData, unit_for
from kamkit.telling.language import Labels

SIZE = 10.0
"""Points of all words in a chart."""
CLASSES = {"A": A, "B": B, "C": C}
ROOMY = 0.06
"""From this share of the whole on, a column can hold its own label."""
LARGEST = 0.55
"""Inches across the largest bubble, less where there are many; bubbles are pale, so that numbers read on them all."""
CROWDED, PALE = 20, 0.4
_BUBBLE = 0.25
"""PowerPoint's largest bubble, as a share of the shorter side of the plot."""
_COLUMNS, _LINES, _FIRST, _SECOND = 111, 112, 121, 122
"""Numbers of the axes: of categories and values, for what stands on the left and on the right."""
_LONGEST = 32_767


@dataclass(frozen=True)
class NativeChart:
    """The XML of a chart part, and the workbook behind it."""

    xml: bytes
    workbook: bytes


@dataclass(frozen=True)
class Plot:
    """Where the plot stands in its frame, all in inches: the size of the frame and the margins within."""

    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def inner(self) -> tuple[float, float]:
        return self.width - self.left - self.right, self.height - self.top - self.bottom

    def xml(self) -> str:
        wide, high = self.inner
        places = {
            "x": self.left / self.width,
            "y": self.top / self.height,
            "w": wide / self.width,
            "h": high / self.height,
        }
        return (
            '<c:layout><c:manualLayout><c:layoutTarget val="inner"/><c:xMode val="edge"/><c:yMode val="edge"/>'
            + "".join(f'<c:{name} val="{place:.5f}"/>' for name, place in places.items())
            + "</c:manualLayout></c:layout>"
        )


@dataclass(frozen=True)
class Draught:
    """What every chart needs to know: the words' language and numbers' country, the day, and which colour words may have."""

    labels: Labels
    date: dt.date
    line_words: str = LINE
    on_a: str = PAPER

    @property
    def percent(self) -> str:
        """Shares as the country writes them, digits and separators left to the reader's own settings."""
        spaced = self.labels.locale.percent_formats[None].pattern.endswith("\u00a0%")
        return '0"\u00a0"%' if spaced else "0%"

    def money(self, unit: Unit) -> str:
        """Full amounts shown in thousands or millions; without digits behind the comma from a hundred of them on."""
        thousands = "," * round(math.log10(unit.size) / 3)
        digits = f"#,##0.{'0' * unit.digits}{thousands}" if unit.digits else f"#,##0{thousands}"
        return f"[>={100 * unit.size:.0f}]#,##0{thousands};{digits}" if unit.digits else digits

    def words(self, colour: str = INK, bold: bool = False, tag: str = "defRPr") -> str:
        lang = language_tag(self.labels)
        return f'<a:{tag} lang="{lang}" sz="{round(100 * SIZE)}" b="{int(bold)}">{fill_xml(colour)}</a:{tag}>'

    def text_properties(self, colour: str = INK, bold: bool = False, rotation: str = "") -> str:
        end = f'<a:endParaRPr lang="{language_tag(self.labels)}"/>'
        return f"<c:txPr><a:bodyPr{rotation}/><a:lstStyle/><a:p><a:pPr>{self.words(colour, bold)}</a:pPr>{end}</a:p></c:txPr>"

    def rich(self, text: str, colour: str = INK, bold: bool = False) -> str:
        return (
            f"<c:tx><c:rich><a:bodyPr/><a:lstStyle/><a:p><a:pPr>{self.words(colour, bold)}</a:pPr><a:r>"
            f"{self.words(colour, bold, 'rPr')}<a:t>{xml_text(text)}</a:t></a:r></a:p></c:rich></c:tx>"
        )

    def point_label(
        self,
        point: int,
        place: str,
        number: str = "",
        text: str = "",
        colour: str = INK,
        bold: bool = True,
        name: bool = False,
    ) -> str:
        """The label of one point: its value in a number format, a text of its own, or the name of its series."""
        said = self.rich(text, colour, bold) if text else ""
        formatted = f'<c:numFmt formatCode="{xml_text(number)}" sourceLinked="0"/>' if number else ""
        dress = (
            "" if text else f"<c:spPr><a:noFill/><a:ln><a:noFill/></a:ln></c:spPr>{self.text_properties(colour, bold)}"
        )
        return (
            f'<c:dLbl><c:idx val="{point}"/>{said}{formatted}{dress}<c:dLblPos val="{place}"/>'
            f"{_shown(value=not name, series=name)}</c:dLbl>"
        )


def _shown(value: bool = False, series: bool = False) -> str:
    flags = {"LegendKey": 0, "Val": int(value), "CatName": 0, "SerName": int(series), "Percent": 0, "BubbleSize": 0}
    return "".join(f'<c:show{name} val="{flag}"/>' for name, flag in flags.items())


NO_LABELS = f"{_shown()}"


@dataclass
class _Sheet:
    """The columns of the workbook; what the chart caches comes from the same values."""

    name: str
    heads: list[str] = field(default_factory=list)
    columns: list[list[Any]] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)

    def add(self, head: str, values: Iterable[Any], number: str = "General") -> int:
        """A new column; gives its number."""
        self.heads.append(printable(head))
        self.columns.append([_kept(value) for value in values])
        self.formats.append(number)
        return len(self.heads) - 1

    def _place(self, column: int) -> str:
        letter = xl_col_to_name(column)
        return f"'{self.name}'!${letter}$2:${letter}${len(self.columns[column]) + 1}"

    def head(self, column: int) -> str:
        place = f"'{self.name}'!${xl_col_to_name(column)}$1"
        cache = f'<c:ptCount val="1"/><c:pt idx="0"><c:v>{xml_text(self.heads[column])}</c:v></c:pt>'
        return f"<c:tx><c:strRef><c:f>{place}</c:f><c:strCache>{cache}</c:strCache></c:strRef></c:tx>"

    def texts(self, column: int) -> str:
        values = self.columns[column]
        points = "".join(f'<c:pt idx="{i}"><c:v>{xml_text(v)}</c:v></c:pt>' for i, v in enumerate(values))
        return (
            f"<c:strRef><c:f>{self._place(column)}</c:f><c:strCache>"
            f'<c:ptCount val="{len(values)}"/>{points}</c:strCache></c:strRef>'
        )

    def numbers(self, column: int) -> str:
        values = self.columns[column]
        points = "".join(f'<c:pt idx="{i}"><c:v>{v!r}</c:v></c:pt>' for i, v in enumerate(values) if v is not None)
        return (
            f"<c:numRef><c:f>{self._place(column)}</c:f><c:numCache><c:formatCode>{xml_text(self.formats[column])}"
            f'</c:formatCode><c:ptCount val="{len(values)}"/>{points}</c:numCache></c:numRef>'
        )

    def workbook(self, date: dt.date) -> bytes:
        out = io.BytesIO()
        settings = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(out, settings) as book:
            book.set_properties({"created": dt.datetime.combine(date, dt.time())})
            page, bold = book.add_worksheet(self.name), book.add_format({"bold": True})
            for i, (head, values) in enumerate(zip(self.heads, self.columns, strict=True)):
                page.write_string(0, i, head[:_LONGEST], bold)
                style = book.add_format({"num_format": self.formats[i]})
                page.set_column(i, i, 34 if values and isinstance(values[0], str) else 14)
                for row, value in enumerate(values, start=1):
                    if isinstance(value, str):
                        page.write_string(row, i, value[:_LONGEST])
                    elif value is not None:
                        page.write_number(row, i, value, style)
        return out.getvalue()


def _kept(value: Any) -> Any:
    """A value as the workbook keeps it: printable, and with sixteen digits."""
    if isinstance(value, float):
        return float(f"{value:.16G}")
    return printable(value) if isinstance(value, str) else value


def _chart(sheet: _Sheet, plot: Plot, draught: Draught, *parts: str) -> NativeChart:
    """The parts of the plot as a chart, with the sheet behind it."""
    names = (
        'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    )
    xml = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<c:chartSpace {names}><c:date1904 val="0"/>'
        f'<c:lang val="{language_tag(draught.labels)}"/><c:roundedCorners val="0"/><c:chart><c:autoTitleDeleted val="1"/>'
        f"<c:plotArea>{plot.xml()}{''.join(parts)}<c:spPr><a:noFill/></c:spPr></c:plotArea>"
        '<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart><c:spPr><a:noFill/><a:ln><a:noFill/></a:ln></c:spPr>'
        f"{draught.text_properties()}</c:chartSpace>"
    )
    return NativeChart(xml.encode("utf-8"), sheet.workbook(draught.date))


def _axis(
    kind: str,
    number: int,
    crossed: int,
    draught: Draught,
    *,
    place: str,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    reverse: bool = False,
    deleted: bool = False,
    title: str = "",
    formatted: str = "General",
    labels: str = "nextTo",
    line: str = line_xml(RULE, 0.75),
    crosses: str = '<c:crosses val="autoZero"/>',
    step: float | None = None,
    between: str = "between",
    turned: bool = False,
) -> str:
    """A category axis (catAx) or value axis (valAx), its parts in the order that the schema wants."""
    scale = (
        ('<c:logBase val="2"/>' if log else "")
        + f'<c:orientation val="{"maxMin" if reverse else "minMax"}"/>'
        + ("" if high is None else f'<c:max val="{high!r}"/>')
        + ("" if low is None else f'<c:min val="{low!r}"/>')
    )
    rotation = ' rot="-5400000" vert="horz"' if turned else ""
    named = ""
    if title:
        said = draught.rich(title, MUTE, bold=True).replace("<a:bodyPr/>", f"<a:bodyPr{rotation}/>", 1)
        named = f'<c:title>{said}<c:overlay val="0"/></c:title>'
    if kind == "catAx":
        tail = '<c:auto val="0"/><c:lblAlgn val="ctr"/><c:lblOffset val="60"/><c:noMultiLvlLbl val="1"/>'
    else:
        tail = f'<c:crossBetween val="{between}"/>' + ("" if step is None else f'<c:majorUnit val="{step!r}"/>')
    return (
        f'<c:{kind}><c:axId val="{number}"/><c:scaling>{scale}</c:scaling><c:delete val="{int(deleted)}"/>'
        f'<c:axPos val="{place}"/>{named}<c:numFmt formatCode="{xml_text(formatted)}" sourceLinked="0"/>'
        f'<c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="{labels}"/>'
        f"<c:spPr>{line}</c:spPr>{draught.text_properties(MUTE, rotation=' rot=' + chr(34) + '0' + chr(34) + ' vert=' + chr(34) + 'horz' + chr(34))}"
        f'<c:crossAx val="{crossed}"/>{crosses}{tail}</c:{kind}>'
    )


def _series(number: int, *parts: str) -> str:
    return f'<c:ser><c:idx val="{number}"/><c:order val="{number}"/>{"".join(parts)}</c:ser>'


def pareto_chart(data: ParetoData, names: Sequence[str], plot: Plot, draught: Draught) -> NativeChart:
    """Columns by class with the cumulated share as a line and the threshold, on a second axis that ends where all columns
    together do: a step of the line is as high as its column. `names` are those of the columns as short as they must be."""
    labels, rows, sheet = draught.labels, data.rows, _Sheet(draught.labels("deck.sheet"))
    money, percent = draught.money(data.unit), draught.percent
    sheet.add(labels("column.name"), names)
    classes = [abc for abc in (*CLASSES, None) if any(row.abc_class == abc for row in rows)]
    bars = []
    for abc in classes:
        head = labels("deck.class_rest") if abc is None else labels("deck.class", abc=abc)
        values = [row.value if row.abc_class == abc else None for row in rows]
        bars.append((abc, sheet.add(head, values, money)))
    cumulated = sheet.add(labels("chart.cumulative"), [row.cumulated for row in rows], percent)
    threshold = labels("chart.threshold", threshold=data.threshold)
    cut = sheet.add(threshold, [data.threshold] * len(rows), percent)
    sheet.add(labels("deck.full_name"), [row.name for row in rows])
    if any(row.margin_rate is not None for row in rows):
        sheet.add(labels("chart.margin_rate"), [row.margin_rate for row in rows], percent)
    inside = rows[0].share >= ROOMY
    columns = []
    for n, (abc, column) in enumerate(bars):
        fill = hatch_xml(MUTE) if abc is None else fill_xml(CLASSES[abc])
        edge = line_xml(MUTE, 0.75) if abc is None else line_xml("", 0)
        own = ""
        if inside and abc is not None and rows[0].abc_class == abc:
            own = draught.point_label(0, "ctr", money, colour=draught.on_a, bold=False)
        dressed = (
            f'{own}<c:numFmt formatCode="{xml_text(money)}" sourceLinked="0"/><c:spPr><a:noFill/><a:ln><a:noFill/></a:ln>'
            f'</c:spPr>{draught.text_properties()}<c:dLblPos val="outEnd"/>{_shown(value=True)}'
        )
        columns.append(
            _series(
                n,
                sheet.head(column),
                f'<c:spPr>{fill}{edge}</c:spPr><c:invertIfNegative val="0"/><c:dLbls>{dressed}</c:dLbls>',
                f"<c:cat>{sheet.texts(0)}</c:cat><c:val>{sheet.numbers(column)}</c:val>",
            )
        )
    n_key = sum(row.is_key for row in rows)
    told = {max(n_key - 1, 0), len(rows) - 1} | ({0} if inside else set())
    points = "".join(draught.point_label(i, "t", percent, colour=draught.line_words) for i in sorted(told))
    marker = f'<c:marker><c:symbol val="circle"/><c:size val="6"/><c:spPr>{fill_xml(LINE)}{line_xml(PAPER, 0.75)}</c:spPr></c:marker>'
    at = 1 if len(rows) > 3 else 0
    lines = [
        _series(
            len(bars),
            sheet.head(cumulated),
            f"<c:spPr>{line_xml(LINE, 2)}</c:spPr>{marker}<c:dLbls>{points}{NO_LABELS}</c:dLbls>",
            f'<c:cat>{sheet.texts(0)}</c:cat><c:val>{sheet.numbers(cumulated)}</c:val><c:smooth val="0"/>',
        ),
        _series(
            len(bars) + 1,
            sheet.head(cut),
            f'<c:spPr>{line_xml(MUTE, 1, "dash")}</c:spPr><c:marker><c:symbol val="none"/></c:marker>',
            f"<c:dLbls>{draught.point_label(at, 't', colour=MUTE, bold=False, name=True)}{NO_LABELS}</c:dLbls>",
            f'<c:cat>{sheet.texts(0)}</c:cat><c:val>{sheet.numbers(cut)}</c:val><c:smooth val="0"/>',
        ),
    ]
    total = sum(row.value for row in rows) / (rows[-1].cumulated or 1.0)
    return _chart(
        sheet,
        plot,
        draught,
        '<c:barChart><c:barDir val="col"/><c:grouping val="clustered"/><c:varyColors val="0"/>',
        *columns,
        f'<c:gapWidth val="35"/><c:overlap val="100"/><c:axId val="{_COLUMNS}"/><c:axId val="{_FIRST}"/></c:barChart>',
        '<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>',
        *lines,
        f'<c:marker val="1"/><c:axId val="{_LINES}"/><c:axId val="{_SECOND}"/></c:lineChart>',
        _axis("catAx", _COLUMNS, _FIRST, draught, place="b", line=line_xml(INK, 0.75), labels="low"),
        _axis("valAx", _FIRST, _COLUMNS, draught, place="l", low=0.0, high=total, deleted=True, formatted=money),
        _axis("catAx", _LINES, _SECOND, draught, place="b", deleted=True),
        _axis(
            "valAx",
            _SECOND,
            _LINES,
            draught,
            place="r",
            low=0.0,
            high=1.0,
            step=0.2,
            formatted=percent,
            line=line_xml("", 0),
            crosses='<c:crosses val="max"/>',
        ),
    )


def whale_chart(data: WhaleData, peak: str, end: str, plot: Plot, draught: Draught) -> NativeChart:
    """The cumulated margin as a line, up to its peak and down from it, on a pale ground; peak and end carry words."""
    labels, sheet, n = draught.labels, _Sheet(draught.labels("deck.sheet")), len(data.names)
    shown = (
        draught.percent
        if data.in_shares
        else draught.money(unit_for(max(map(abs, data.cumulated)), min(map(abs, data.cumulated)), labels))
    )
    top = data.n_at_peak
    sheet.add(labels("column.name"), data.names)
    ground = sheet.add(labels("deck.cumulated_margin"), data.cumulated, shown)
    gained = sheet.add(labels("deck.to_peak"), [v if i < top else None for i, v in enumerate(data.cumulated)], shown)
    parts = [(gained, A, draught.point_label(top - 1, "t", text=peak, colour=A) if 0 < top < n else "")]
    if top < n:
        after = [v if i >= max(top - 1, 0) else None for i, v in enumerate(data.cumulated)]
        lost = sheet.add(labels("deck.from_peak"), after, shown)
        parts.append((lost, LINE, draught.point_label(n - 1, "r", text=end, colour=draught.line_words)))
    else:
        parts[0] = (gained, A, draught.point_label(n - 1, "r", text=end))
    lines = [
        _series(
            i,
            sheet.head(column),
            f'<c:spPr>{line_xml(colour, 2.5)}</c:spPr><c:marker><c:symbol val="none"/></c:marker>',
            f"<c:dLbls>{label}{NO_LABELS}</c:dLbls><c:cat>{sheet.texts(0)}</c:cat>",
            f'<c:val>{sheet.numbers(column)}</c:val><c:smooth val="0"/>',
        )
        for i, (column, colour, label) in enumerate(parts, start=1)
    ]
    low, high = min(0.0, *data.cumulated), max(0.0, *data.cumulated)
    area = _series(
        0,
        sheet.head(ground),
        f"<c:spPr>{fill_xml(f'{A}:0.15')}{line_xml('', 0)}</c:spPr><c:cat>{sheet.texts(0)}</c:cat>",
        f"<c:val>{sheet.numbers(ground)}</c:val>",
    )
    axes = f'<c:axId val="{_COLUMNS}"/><c:axId val="{_FIRST}"/>'
    return _chart(
        sheet,
        plot,
        draught,
        f'<c:areaChart><c:grouping val="standard"/><c:varyColors val="0"/>{area}{axes}</c:areaChart>',
        f'<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>{"".join(lines)}<c:marker val="1"/>{axes}</c:lineChart>',
        _axis(
            "catAx",
            _COLUMNS,
            _FIRST,
            draught,
            place="b",
            title=labels("value.whale_axis"),
            labels="none",
            line=line_xml(INK, 0.75),
        ),
        _axis(
            "valAx",
            _FIRST,
            _COLUMNS,
            draught,
            place="l",
            low=low,
            high=high + 0.01 * (high - low) if high > low else low + 1,
            formatted=shown,
            line=line_xml("", 0),
            between="midCat",
            step=0.25 if data.in_shares else None,
        ),
    )


def bar_chart(
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float | None], str]],
    number: str,
    high: float,
    plot: Plot,
    draught: Draught,
    named: bool = False,
) -> NativeChart:
    """Horizontal bars up to `high` in a number format, the first name on top; each series has its name, its values and its
    colour. `named` writes the names beside the bars."""
    sheet = _Sheet(draught.labels("deck.sheet"))
    sheet.add(draught.labels("column.name"), names)
    bars = []
    for n, (name, values, colour) in enumerate(series):
        column = sheet.add(name, values, number)
        labelled = (
            f'<c:numFmt formatCode="{xml_text(number)}" sourceLinked="0"/><c:spPr><a:noFill/><a:ln><a:noFill/></a:ln>'
            f'</c:spPr>{draught.text_properties(bold=True)}<c:dLblPos val="outEnd"/>{_shown(value=True)}'
        )
        bars.append(
            _series(
                n,
                sheet.head(column),
                f'<c:spPr>{fill_xml(colour)}{line_xml("", 0)}</c:spPr><c:invertIfNegative val="0"/>',
                f"<c:dLbls>{labelled}</c:dLbls><c:cat>{sheet.texts(0)}</c:cat><c:val>{sheet.numbers(column)}</c:val>",
            )
        )
    low = min([0.0, *(v for _, values, _ in series for v in values if v is not None)])
    return _chart(
        sheet,
        plot,
        draught,
        '<c:barChart><c:barDir val="bar"/><c:grouping val="clustered"/><c:varyColors val="0"/>',
        *bars,
        f'<c:gapWidth val="45"/><c:overlap val="100"/><c:axId val="{_COLUMNS}"/><c:axId val="{_FIRST}"/></c:barChart>',
        _axis("catAx", _COLUMNS, _FIRST, draught, place="l", reverse=True, deleted=not named, labels="low"),
        _axis("valAx", _FIRST, _COLUMNS, draught, place="t", low=low, high=high, deleted=True, formatted=number),
    )


def bubble_chart(data: PortfolioData, plot: Plot, draught: Draught) -> NativeChart:
    """Accounts as bubbles, area by revenue, in two series (managed and not); the axes cross where they are cut, so the
    four fields are seen. Who stands in the key carries the rank. A bubble beyond an axis is drawn at its end; the sheet
    holds where it really is."""
    labels, sheet = draught.labels, _Sheet(draught.labels("deck.sheet"))
    both = (("x", data.x), ("y", data.y))
    units = {axis: unit_for(_end(a.high, a), _end(a.low, a), labels) for axis, a in both if a.unit == "money"}
    titles = {
        axis: labels("chart.head", measure=a.title, unit=units[axis].name) if axis in units else a.title
        for axis, a in both
    }
    formats = {
        axis: draught.money(units[axis])
        if axis in units
        else _fine(draught.percent, a)
        if a.unit in {"percent", "change"}
        else "0.0"
        for axis, a in both
    }
    largest = LARGEST * min(1.0, math.sqrt(CROWDED / max(len(data.points), 1)))
    scale = round(100 * largest / (_BUBBLE * min(plot.inner)))
    most = max((point.revenue for point in data.points), default=1.0) or 1.0
    across = {id(p): max(largest * math.sqrt(max(p.revenue, 0.0) / most), 0.04) for p in data.points}
    managed = [p for p in data.points if p.is_numbered]
    others = [p for p in data.points if not p.is_numbered]
    groups = sorted(
        ((labels("deck.numbered"), managed, A), (labels("deck.others"), others, C)), key=lambda g: -len(g[1])
    )
    placed = _label_places(data, managed, across, plot)
    bubbles: list[str] = []
    for name, points, colour in groups:
        if not points:
            continue
        sheet.add(name, [p.name for p in points])
        sheet.add(labels("column.rank"), [p.rank for p in points], "0")
        x = sheet.add(data.x.title, [_drawn(p.x, data.x) for p in points], formats["x"])
        y = sheet.add(data.y.title, [_drawn(p.y, data.y) for p in points], formats["y"])
        area = sheet.add(labels("column.revenue"), [max(p.revenue, 0.0) for p in points], "#,##0")
        if any(_drawn(p.x, data.x) != p.x or _drawn(p.y, data.y) != p.y for p in points):
            sheet.add(labels("deck.really", axis=data.x.title), [p.x for p in points], formats["x"])
            sheet.add(labels("deck.really", axis=data.y.title), [p.y for p in points], formats["y"])
        tags = "".join(
            draught.point_label(
                i,
                placed[id(p)],
                text="–" if p.rank is None else labels.count(p.rank),
            )
            for i, p in enumerate(points)
            if id(p) in placed
        )
        fill = fill_xml(f"{colour}:{PALE}")
        bubbles.append(
            _series(
                len(bubbles),
                sheet.head(x - 2),
                f'<c:spPr>{fill}{line_xml(colour, 1)}</c:spPr><c:invertIfNegative val="0"/>',
                f"<c:dLbls>{tags}{NO_LABELS}</c:dLbls><c:xVal>{sheet.numbers(x)}</c:xVal><c:yVal>{sheet.numbers(y)}</c:yVal>",
                f'<c:bubbleSize>{sheet.numbers(area)}</c:bubbleSize><c:bubble3D val="0"/>',
            )
        )
    dashed = line_xml(LINE, 1, "dash")
    axes = [
        _axis(
            "valAx",
            number,
            crossed,
            draught,
            place=place,
            low=_end(own.low, own),
            high=_end(own.high, own),
            log=own.unit == "money",
            title=titles[axis],
            formatted=formats[axis],
            labels="low",
            line=dashed,
            crosses=f'<c:crossesAt val="{_drawn(other.cut, other)!r}"/>',
            between="midCat",
            turned=axis == "y",
            step=2.0 if own.unit == "money" else _step(own),
        )
        for axis, number, crossed, place, own, other in (
            ("x", _COLUMNS, _FIRST, "b", data.x, data.y),
            ("y", _FIRST, _COLUMNS, "l", data.y, data.x),
        )
    ]
    return _chart(
        sheet,
        plot,
        draught,
        '<c:bubbleChart><c:varyColors val="0"/>',
        *bubbles,
        f'<c:bubbleScale val="{min(max(scale, 1), 300)}"/><c:showNegBubbles val="0"/><c:sizeRepresents val="area"/>',
        f'<c:axId val="{_COLUMNS}"/><c:axId val="{_FIRST}"/></c:bubbleChart>',
        *axes,
    )


def _fine(percent: str, axis: Axis) -> str:
    """Percent with a digit behind the comma where the whole axis spans few of them."""
    return percent.replace("0", "0.0", 1) if axis.high - axis.low < 0.05 else percent


def _step(axis: Axis) -> float:
    """The distance of the numbers along an axis: at most eight of them, at 1, 2 or 5 of a power of ten."""
    rough = (axis.high - axis.low) / 8
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return float(next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough))


def _end(value: float, axis: Axis) -> float:
    """A limit of an axis in its own unit, moved out to a round number; money is given in powers of ten, and its limits are
    a power of two apart, which are the steps of its axis."""
    if axis.unit == "money":
        power = 10.0 ** math.floor(axis.low)
        first = power * max(digit for digit in (1, 2, 5) if power * digit <= 10**axis.low * (1 + 1e-9))
        return first if value == axis.low else first * 2.0 ** math.ceil(math.log2(10**axis.high / first) - 1e-9)
    step = _step(axis)
    cut = math.floor(value / step + 1e-9) if value == axis.low else math.ceil(value / step - 1e-9)
    return round(cut * step, 10)


def _drawn(value: float, axis: Axis) -> float:
    """Where a value is drawn: one beyond the axis at its end."""
    return min(max(value, _end(axis.low, axis)), _end(axis.high, axis))


def _label_places(
    data: PortfolioData, points: Sequence[PortfolioPoint], across: dict[int, float], plot: Plot
) -> dict[int, str]:
    """Where the number of each bubble stands: in it where it is large enough and free, else on a side where no other
    number stands."""

    def along(value: float, axis: Axis) -> float:
        low, high, at = _end(axis.low, axis), _end(axis.high, axis), _drawn(value, axis)
        if axis.unit == "money":
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / ((high - low) or 1.0)

    wide, high = plot.inner
    circles = [(along(p.x, data.x) * wide, along(p.y, data.y) * high, across[id(p)] / 2, id(p)) for p in points]
    taken: list[tuple[float, float]] = []
    found: dict[int, str] = {}
    for (x, y, radius, number), point in zip(circles, points, strict=True):
        room = 0.075 * len(str(point.rank or "–")) + 0.05
        aside = {
            "r": (radius + room / 2, 0.0),
            "l": (-radius - room / 2, 0.0),
            "t": (0.0, radius + 0.09),
            "b": (0.0, -radius - 0.09),
        }
        places = ({"ctr": (0.0, 0.0)} if 2 * radius >= math.hypot(room, 0.15) else {}) | aside

        def crowd(spot: tuple[float, float], own: int = number, at: tuple[float, float] = (x, y)) -> tuple[int, int]:
            """How many numbers stand there already, and how many other bubbles."""
            left, up = at[0] + spot[0], at[1] + spot[1]
            near = sum(abs(left - tx) < 0.2 and abs(up - ty) < 0.16 for tx, ty in taken)
            return near, sum(math.hypot(left - cx, up - cy) < r + 0.05 for cx, cy, r, other in circles if other != own)

        found[number] = place = min(places, key=lambda name: crowd(places[name]))
        taken.append((x + places[place][0], y + places[place][1]))
    return found
