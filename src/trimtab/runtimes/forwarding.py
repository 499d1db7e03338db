"""What runtimes of an extra have in common: their work is in modules beside them, which need its library.

``convert.py`` has ``convert``; ``source.py`` has ``adopt``, ``input_limits`` and ``requantize``; ``model.py``
has ``load`` and ``reference``; ``inside.py`` has ``operators`` and ``times``; ``traits.py`` and ``words.py``
have ``traits`` and ``reason``. They get the first of the files.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.runtimes import library
from trimtab.runtimes.base import Chosen, LoadedModel, Operator, Times, Traits
from trimtab.runtimes.ranges import Judge, Rule

if TYPE_CHECKING:
    import keras


class RuntimeOfExtra:
    """See ``base.Runtime``; each method says which extra is missing before it imports anything.

    Attributes:
        distributions: What the extra installs: the library that runs the files, and what makes them.
    """

    name: str
    extra: str
    files: tuple[str, ...]
    distributions: tuple[str, ...]
    file_extra = ""
    has_streams = False

    def version(self) -> str:
        """See ``base.Runtime.version``."""
        return library.version(self.name, self.extra, self.distributions[0])

    def check_installed(self) -> None:
        """See ``base.Runtime.check_installed``."""
        library.version(self.name, self.extra, *self.distributions)

    def convert(
        self,
        model: keras.Model,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        """See ``base.Runtime.convert``."""
        path, convert = directory / self.files[0], self._module("convert").convert
        return Chosen(cast("Rule | None", convert(model, quantizer, params, path, calibration, judge)))

    def adopt(self, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
        """See ``base.Runtime.adopt``."""
        self._module("source").adopt(source, directory / self.files[0], shape)

    def input_limits(self, source: Path) -> tuple[float, float] | None:
        """See ``base.Runtime.input_limits``."""
        return cast("tuple[float, float] | None", self._module("source").input_limits(source))

    def requantize(
        self,
        source: Path,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        """See ``base.Runtime.requantize``."""
        path, requantize = directory / self.files[0], self._module("source").requantize
        return Chosen(cast("Rule | None", requantize(source, quantizer, params, path, calibration, judge)))

    def load(self, directory: Path, threads: int = 1, batch: int = 1, streams: int = 1) -> LoadedModel:
        """See ``base.Runtime.load``."""
        more = {"streams": streams} if self.has_streams else {}
        return cast(
            LoadedModel, self._module("model").load(directory / self.files[0], threads, batch, **more)
        )

    def reference(self, directory: Path) -> LoadedModel:
        """See ``base.Runtime.reference``."""
        return cast(LoadedModel, self._module("model").reference(directory / self.files[0]))

    def traits(self, directory: Path) -> Traits:
        """See ``base.Runtime.traits``."""
        return cast(Traits, self._module("traits").traits(directory / self.files[0]))

    def operators(self, directory: Path, batch: Batch) -> list[Operator]:
        """See ``base.Runtime.operators``."""
        return cast("list[Operator]", self._module("inside").operators(directory / self.files[0], batch))

    def weights(self, directory: Path) -> dict[str, Any]:  # noqa: ARG002 - the protocol's signature
        """See ``base.Runtime.weights``: their files are not read for it."""
        return {}

    def times(self, directory: Path, batch: Batch, threads: int = 1) -> Times:
        """See ``base.Runtime.times``."""
        return cast(Times, self._module("inside").times(directory / self.files[0], batch, threads))

    def explain(self, failure: BaseException | str) -> str:
        """See ``base.Runtime.explain``; it needs no library."""
        return str(import_module(f"{type(self).__module__}.words").reason(str(failure)))

    def _module(self, name: str) -> Any:
        if name == "model":
            self.version()
        else:
            self.check_installed()
        return import_module(f"{type(self).__module__}.{name}")
