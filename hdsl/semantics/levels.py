"""Index sets: what determines what, by declaration and by need, and the graph of levels.

`Order` knows the declared indices and gives every subscript list its canonical form. `Levels` is the graph of the index
sets of a model, finer to coarser, with what lives at each. Both are pure structure; data come later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.model import CompositeModel, Index, Nesting

if TYPE_CHECKING:
    import networkx as nx

    from hdsl.semantics.picture import Box
    from hdsl.semantics.relation import Relation

__all__ = ["Levels", "Order", "closure_under", "levels_of"]

PICTURE_WIDTH = 30
"""Characters of a line in a picture's box."""

LEGEND = "Arrows lead to what a set lies in; blue: coefficients are modelled."

MOST_SENTENCES = 3
"""More pairs of crossed sets than this are listed, not told one by one."""


@dataclass(frozen=True, slots=True)
class Order:
    """The indices in their order, with the declared parents of each.

    `free` are indices that the row does not determine (the categories of a nominal outcome). `written` has the sets of
    several indices in the order in which the user writes them.
    """

    indices: Mapping[str, Index]
    row: str
    free: frozenset[str] = frozenset()
    written: Mapping[frozenset[str], IndexSet] = field(default_factory=dict)

    def ancestors(self, name: str) -> frozenset[str]:
        """Return every index that `name` determines by declaration, without itself."""
        if name == self.row:
            return frozenset(other for other in self.indices if other != name and other not in self.free)
        found: set[str] = set()
        queue = [name]
        while queue:
            index = self.indices.get(queue.pop())
            for parent in index.parents if index is not None else ():
                if parent not in found and parent != name:
                    found.add(parent)
                    queue.append(parent)
        return frozenset(found)

    def canonical(self, names: Iterable[str]) -> IndexSet:
        """Return the canonical index set of a subscript list.

        ``p[i,j,k]`` -> ``("i",)``; with ``index j = .. in k``, ``u[j,k]`` -> ``("j",)``. A set that the user writes
        has the order of its first statement, so that ``w[dept,service]`` prints as such; any other that of the indices.
        """
        wanted = set(names)
        implied: set[str] = set()
        for name in wanted:
            implied |= self.ancestors(name) & wanted
        kept = frozenset(wanted - implied)
        return self.written.get(kept) or tuple(name for name in self.indices if name in kept)

    def closure(self, index_set: Iterable[str]) -> frozenset[str]:
        """Return all indices that a set determines by declaration, itself included."""
        names = frozenset(index_set)
        return names.union(*(self.ancestors(name) for name in names)) if names else names


def closure_under(nestings: Iterable[Nesting], index_set: IndexSet, order: Order) -> frozenset[str]:
    """Return all indices that a set determines by declaration and by the claims in `nestings`, itself included."""
    claims = tuple(nestings)
    known = order.closure(index_set)
    while True:
        coarser = (order.closure(claim.coarser) for claim in claims if set(claim.finer) <= known)
        more = known.union(*coarser)
        if more == known:
            return known
        known = more


@dataclass(frozen=True, eq=False)
class Levels:
    """The index sets of a model and the order between them.

    Attributes
    ----------
    order : Order
    index_sets : tuple of IndexSet
        Finest first; the set without subscripts is not listed.
    nestings : tuple of Nesting
        What was declared, and what statements need.
    residents : mapping from IndexSet to tuple of str
        The names that live at each set.
    grouping : frozenset of IndexSet
        The sets that modelled coefficients vary over.
    """

    order: Order
    index_sets: tuple[IndexSet, ...]
    nestings: tuple[Nesting, ...]
    residents: Mapping[IndexSet, tuple[str, ...]]
    grouping: frozenset[IndexSet] = frozenset()

    def determines(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether each unit of `finer` lies in one unit of `coarser`, by declaration or by need."""
        return set(coarser) <= self._closure(finer)

    def _closure(self, index_set: IndexSet) -> frozenset[str]:
        return closure_under(self.nestings, index_set, self.order)

    def finest(self, index_sets: Iterable[IndexSet]) -> IndexSet:
        """Return the finest set that some sets span together; of crossed sets it is their union."""
        names = {name for index_set in index_sets for name in index_set}
        kept = {
            n
            for n in names
            if not any(m != n and n in self._closure((m,)) and m not in self._closure((n,)) for m in names)
        }
        return self.order.canonical(kept)

    @cached_property
    def graph(self) -> nx.DiGraph:
        """The index sets as a graph, an arrow from each to the next coarser ones.

        Nodes are printed index sets (``"j,k"``) with attributes `index_set`, `column` and `residents`; an arrow has
        `line`, the source line that says so, or None where it follows from the subscripts.
        """
        import networkx as nx

        full = nx.DiGraph()
        for index_set in self.index_sets:
            full.add_node(
                show_index_set(index_set),
                index_set=index_set,
                column=self.columns(index_set),
                residents=self.residents.get(index_set, ()),
            )
        for finer in self.index_sets:
            for coarser in self.index_sets:
                if self._is_below(finer, coarser):
                    full.add_edge(show_index_set(finer), show_index_set(coarser))
        kept = nx.transitive_reduction(full)
        graph = nx.DiGraph()  # rebuilt, so that the order of nodes and arrows is that of the model
        graph.add_nodes_from(full.nodes(data=True))
        for finer in self.index_sets:
            for coarser in self.index_sets:
                edge = show_index_set(finer), show_index_set(coarser)
                if kept.has_edge(*edge):
                    graph.add_edge(*edge, line=self._line_of(finer, coarser))
        return graph

    def _is_below(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether an arrow path leads from `finer` to `coarser`; of two with the same units, to the shorter set."""
        if finer == coarser or not self.determines(finer, coarser):
            return False
        if not self.determines(coarser, finer):
            return True
        return (len(finer), finer) > (len(coarser), coarser)

    def _line_of(self, finer: IndexSet, coarser: IndexSet) -> int | None:
        if finer == (self.order.row,) or set(coarser) <= set(finer):
            return None
        for nesting in self.nestings:
            if (
                set(nesting.finer) <= self._closure(finer)
                and set(nesting.coarser) <= set(coarser)
                and nesting.span is not None
            ):
                return nesting.span.line
        return None

    def columns(self, index_set: IndexSet) -> str:
        """Return the columns that a set runs over, in words: ``"rows"``, ``"district, election"``."""
        return ", ".join(self.order.indices[name].column or "rows" for name in index_set)

    @cached_property
    def crossed(self) -> tuple[tuple[IndexSet, IndexSet], ...]:
        """Pairs of grouping sets, the row's aside, of which neither determines the other."""
        row = (self.order.row,)
        sets = [s for s in self.index_sets if s in self.grouping and s != row and not set(s) & self.order.free]
        return tuple(
            (a, b)
            for position, a in enumerate(sets)
            for b in sets[position + 1 :]
            if not self.determines(a, b) and not self.determines(b, a)
        )

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, counts: Mapping[IndexSet, int] | None = None, relations: Sequence[Relation] | None = None) -> str:
        """Return the levels as an indented text, coarser below finer.

        Parameters
        ----------
        counts : mapping from IndexSet to int, optional
            Units of each set, to be printed beside it.
        relations : sequence of Relation, optional
            What the data show of nested and crossed sets; by default it is told what the model leaves crossed.

        Returns
        -------
        str
        """
        from hdsl.semantics.picture import wrap_notes

        rows: list[tuple[str, str, str]] = []
        graph = self.graph

        def visit(node: str, stem: str, below: str) -> None:
            attributes = graph.nodes[node]
            count = f", {counts[attributes['index_set']]:,}" if counts and attributes["index_set"] in counts else ""
            rows.append((f"{stem}[{node}]", attributes["column"] + count, ", ".join(attributes["residents"])))
            coarser = list(graph.successors(node))
            for position, other in enumerate(coarser):
                is_last = position == len(coarser) - 1
                visit(other, below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  "))

        for node in (n for n in graph if graph.in_degree(n) == 0):
            visit(node, "", "")
        return "\n".join([*_columns(rows), *wrap_notes(self._remarks(relations), 80)])

    def _remarks(self, relations: Sequence[Relation] | None) -> tuple[str, ...]:
        """Return what is known of nested and crossed sets, a line for each pair, or one for all where they are many."""
        if relations is not None:
            return tuple(str(relation) for relation in relations)
        pairs = [(f"[{show_index_set(a)}]", f"[{show_index_set(b)}]") for a, b in self.crossed]
        if len(pairs) <= MOST_SENTENCES:
            return tuple(f"{a} and {b} are crossed, unless the data show them nested" for a, b in pairs)
        return ("crossed, unless the data show them nested: " + ", ".join(f"{a} x {b}" for a, b in pairs),)

    def to_svg(self, counts: Mapping[IndexSet, int] | None = None, relations: Sequence[Relation] | None = None) -> str:
        """Return the graph as a picture, rows below, arrows from finer to coarser sets.

        An arrow's label is the source line that says so; one without a label follows from the subscripts. Boxes with a
        thick border are sets over which coefficients vary by a distribution.

        Parameters
        ----------
        counts, relations
            As of `to_text`.

        Returns
        -------
        str
            An ``svg`` element that stands alone, readable on light and dark grounds.
        """
        from hdsl.semantics.picture import Arrow, draw

        graph = self.graph
        boxes = [self._picture_box(node, counts or {}) for node in graph]
        arrows = [
            Arrow(finer=f"[{a}]", coarser=f"[{b}]", label=f"line {line}" if line is not None else "")
            for a, b, line in graph.edges(data="line")
        ]
        crossed = [(f"[{a}]", f"[{b}]") for a, b in self._crossed_nodes(relations)]
        notes = self._remarks(relations)
        title = "Levels: " + ", ".join(box.name for box in boxes)
        return draw(boxes, arrows, crossed, (*notes, LEGEND), title=title, description=self.to_text(counts, relations))

    def _crossed_nodes(self, relations: Sequence[Relation] | None) -> list[tuple[str, str]]:
        """Pairs of crossed sets, as the data show them where there are data, as printed."""
        pairs = self.crossed if relations is None else [(r.first, r.second) for r in relations if r.data == "crossed"]
        return [(show_index_set(a), show_index_set(b)) for a, b in pairs]

    def _picture_box(self, node: str, counts: Mapping[IndexSet, int]) -> Box:
        import textwrap

        from hdsl.semantics.picture import Box

        attributes = self.graph.nodes[node]
        index_set = attributes["index_set"]
        return Box(
            name=f"[{node}]",
            count=f"{counts[index_set]:,}" if index_set in counts else "",
            lines=(attributes["column"], *textwrap.wrap(", ".join(attributes["residents"]), PICTURE_WIDTH)),
            kind="rows" if index_set == (self.order.row,) else "grouping" if index_set in self.grouping else "other",
        )

    def to_mermaid(
        self, counts: Mapping[IndexSet, int] | None = None, relations: Sequence[Relation] | None = None
    ) -> str:
        """Return the graph in Mermaid's notation, dotted lines between crossed sets; arguments as of `to_text`."""
        lines = ["graph BT"]
        names = {node: f"s{position}" for position, node in enumerate(self.graph)}
        for node, attributes in self.graph.nodes(data=True):
            label = f"[{node}] {attributes['column']}".replace("&", "&amp;").replace('"', "#quot;")
            count = counts.get(attributes["index_set"]) if counts else None
            lines.append(f'    {names[node]}["{label}{f", {count:,}" if count is not None else ""}"]')
        for a, b, line in self.graph.edges(data="line"):
            lines.append(f"    {names[a]} -->{f'|line {line}|' if line is not None else ''} {names[b]}")
        lines += [f"    {names[a]} -.-|crossed| {names[b]}" for a, b in self._crossed_nodes(relations)]
        return "\n".join(lines)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_html_(self) -> str:
        return self.to_svg()


def levels_of(form: CompositeModel) -> Levels:
    """Return the levels of a composite model, without what lives at each."""
    order = Order(
        indices={index.name: index for index in form.indices},
        row=form.row,
        written={frozenset(index_set): index_set for index_set in form.index_sets},
    )
    grouping = frozenset(block.index_set for block in form.blocks)
    return Levels(order=order, index_sets=form.index_sets, nestings=form.nestings, residents={}, grouping=grouping)


def _columns(rows: list[tuple[str, str, str]], width: int = 80) -> list[str]:
    """Lay out three columns, the last one wrapped at `width`."""
    import textwrap

    first = max((len(row[0]) for row in rows), default=0)
    second = max((len(row[1]) for row in rows), default=0)
    lines = []
    for a, b, c in rows:
        head = f"{a:<{first}}  {b:<{second}}  "
        wrapped = textwrap.wrap(c, max(width - len(head), 20)) or [""]
        lines.append((head + wrapped[0]).rstrip())
        lines += [" " * len(head) + more for more in wrapped[1:]]
    return lines
