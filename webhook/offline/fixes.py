"""`review --fix`: the remedies of findings, written into the manifests that they are about.

Only texts in memory are changed here. Whatever is written is read again, and is thrown away unless
it says what the patch says and every other object says what it said before.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import jsonpatch

from webhook.core.finding import Action, Finding, ObjectFix
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef
from webhook.manifests.entries import Document, Entry, Source
from webhook.manifests.paths import CannotReadError, decode
from webhook.manifests.reading import read_text
from webhook.offline.fixes_bytes import CannotPlaceError, Edit, FileText
from webhook.offline.fixes_edit import Editor
from webhook.offline.results import Result, Review

# An object gets one fix a round: a VPA gives up what scalers read, its modes are quoted, its bounds
# lowered. Five are more than that can need.
MOST_ROUNDS = 5

CHANGED = "the file is another than the one that was judged: run it again"

RENDERED = "it was rendered: mend the template, the values or the kustomization that it comes from"


@frozen
class Fix:
    """A remedy, and the object that it changes."""

    target: Result
    patch: ObjectFix
    finding: Finding

    @property
    def source(self) -> Source:
        """Where the object stands."""
        return self.target.source

    def __str__(self) -> str:
        """What is changed and why, for people."""
        return f"{self.source}: {self.finding.remedy} [{self.finding.rule}]"


@frozen
class Left:
    """A remedy that was not written, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        """The place and the reason, for people."""
        return f"{self.place}: {self.reason}"


@dataclass(slots=True)
class Fixing:
    """The texts of a review while its findings are fixed."""

    entries: dict[str, list[Entry]]
    """What was read, by file."""
    read: Callable[[str], bytes]
    """Gets the bytes of a file again; raises OSError."""
    again: Callable[[Iterable[Entry]], Review]
    """Judges again."""
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    made: list[Fix] = field(default_factory=list)
    left: dict[str, Left] = field(default_factory=dict)

    def run(self, judged: Review) -> Review:
        """Fix what can be fixed; return the judgement of what then is."""
        for _ in range(MOST_ROUNDS):
            fixes = sorted(self._wanted(judged), key=lambda one: one.source.file)
            made = [
                self._fix_file(file, list(some))
                for file, some in groupby(fixes, key=lambda one: one.source.file)
            ]
            if not any(made):
                break
            judged = self.again(entry for read in self.entries.values() for entry in read)
        return judged

    @property
    def changed(self) -> list[str]:
        """The files that have another text now."""
        return [file for file in self.after if self.after[file] != self.before[file]]

    def _wanted(self, judged: Review) -> list[Fix]:
        """The fixes of a review: one for each object, the next one needs another look at it."""
        objects: dict[object, list[Result]] = {}
        for result in judged.results:
            objects.setdefault(_key(result.ref), []).append(result)
        wanted: dict[object, Fix] = {}
        for result in judged.results:
            for finding in result.findings:
                if finding.fix is None or finding.enforced is Action.AUDIT:
                    continue
                targets = objects.get(_key(finding.fix.ref), [])
                target = self._target(finding.fix.ref, targets)
                if target is not None and str(target.source) not in self.left:
                    fix = Fix(target, finding.fix, finding)
                    wanted.setdefault(_key(finding.fix.ref), fix)
        return list(wanted.values())

    def _target(self, ref: ObjectRef, targets: Sequence[Result]) -> Result | None:
        """The one place where an object stands and can be written; None says why elsewhere."""
        if not targets:
            self._leave(str(ref), "it stands in none of the files")
        elif any(one.source.rendered is not None for one in targets):
            for one in targets:
                self._leave(str(one.source), RENDERED)
        elif len(targets) > 1:
            places = ", ".join(str(one.source) for one in targets)
            self._leave(str(ref), f"it stands in several places: {places}")
        else:
            return targets[0]
        return None

    def _leave(self, place: str, reason: str) -> None:
        self.left.setdefault(place, Left(place, reason))

    def _fix_file(self, file: str, fixes: Sequence[Fix]) -> bool:
        """Write fixes into a file: all at once, or one by one where that does not work."""
        try:
            text = FileText.of(self._content(file))
        except (OSError, CannotReadError, CannotPlaceError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            for fix in fixes:
                self._leave(str(fix.source), reason or str(error))
            return False
        edits: list[tuple[Fix, list[Edit]]] = []
        editors: dict[int, Editor] = {}
        for fix in fixes:
            try:
                edits.append((fix, _edits(fix, text, editors)))
            except CannotPlaceError as error:
                self._leave(str(fix.source), str(error))
        return self._take(file, text, edits)

    def _content(self, file: str) -> bytes:
        if file not in self.after:
            content = self.read(file)
            if list(read_text(decode(content), file)) != self.entries[file]:
                raise CannotPlaceError(CHANGED)
            self.before[file] = self.after[file] = content
        return self.after[file]

    def _take(self, file: str, text: FileText, edits: list[tuple[Fix, list[Edit]]]) -> bool:
        """Make edits the file's text: all of them, or those that do what they should alone."""
        try:
            taken = self._tried(file, text, edits)
        except CannotPlaceError:
            edits = [one for one in edits if self._fits(file, text, one)]
            if not edits:
                return False
            taken = self._tried(file, text, edits)
        self.after[file], self.entries[file] = taken
        self.made += [fix for fix, _ in edits]
        return True

    def _fits(self, file: str, text: FileText, edit: tuple[Fix, list[Edit]]) -> bool:
        try:
            self._tried(file, text, [edit])
        except CannotPlaceError as error:
            self._leave(str(edit[0].source), str(error))
            return False
        return True

    def _tried(
        self, file: str, text: FileText, edits: Sequence[tuple[Fix, list[Edit]]]
    ) -> tuple[bytes, list[Entry]]:
        """Return the bytes of the file with these edits and what is read in them."""
        content = text.changed(edit for _, some in edits for edit in some)
        try:
            entries: list[Entry] = list(read_text(decode(content), file))
        except CannotReadError as error:
            raise CannotPlaceError(str(error)) from None
        patches = {fix.source: fix.patch.patch for fix, _ in edits}
        wanted = [_said(one, patches.get(one.source)) for one in self.entries[file]]
        if [_said(one) for one in entries] != wanted:
            raise CannotPlaceError("its text cannot be changed so that nothing else changes")
        return content, entries


def _key(ref: ObjectRef) -> tuple[object, ...]:
    return *ref.identity, ref.generate_name


def _edits(fix: Fix, text: FileText, editors: dict[int, Editor]) -> list[Edit]:
    part = fix.target.document.part
    offset = text.offset_of(part)
    editor = editors.get(id(part)) or editors.setdefault(id(part), Editor(part))
    found = editor.edits(fix.target.document.at, fix.patch.patch)
    return [Edit(one.start + offset, one.end + offset, one.text) for one in found]


def _said(entry: Entry, patch: list[dict[str, object]] | None = None) -> tuple[object, ...]:
    """What an entry says, comparable to the letter; reasons have line numbers, which may move."""
    if not isinstance(entry, Document):
        return type(entry), entry.source
    raw = entry.raw if patch is None else jsonpatch.apply_patch(entry.raw, patch)
    return Document, entry.source, json.dumps(raw, sort_keys=True)
