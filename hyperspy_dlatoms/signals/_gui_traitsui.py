# SPDX-License-Identifier: GPL-3.0-or-later
"""Widgets of the interactive tool in a window."""

from typing import Any

# Before traitsui, so that it chooses windows that match Matplotlib's.
from hyperspy_gui_traitsui.axes import get_navigation_sliders_group
from hyperspy_gui_traitsui.utils import add_display_arg
from traitsui import api as ui
from traitsui.menu import CancelButton, OKButton

from hyperspy_dlatoms.signals._atoms_tool import AtomsTool


class _Handler(ui.Handler):
    def close(self, info: ui.UIInfo, is_ok: bool) -> bool:
        tool = info.ui.context["obj"]
        if is_ok:
            tool.apply()
        else:
            tool.close()
        return True

    def clear_masks(self, info: ui.UIInfo) -> None:
        info.ui.context["obj"].clear_masks()

    def undo(self, info: ui.UIInfo) -> None:
        info.ui.context["obj"].undo()


@add_display_arg
def show_tool(obj: AtomsTool, **kwargs: Any) -> tuple[AtomsTool, dict[str, Any]]:
    """Return the tool, and the view that shows it."""
    axes = obj.signal.axes_manager.navigation_axes
    sliders, context = get_navigation_sliders_group(axes)
    ensemble = "obj.is_ensemble"
    view = ui.View(
        ui.Group(
            ui.Group(
                sliders,
                visible_when="obj.show_navigation_sliders",
                label="Navigator",
                show_border=True,
            ),
            ui.Item("obj.model"),
            ui.Item("obj.sampling", label="Sampling (Å/px)"),
            ui.Item("obj.thresholds_of_card", label="Thresholds of the model card"),
            ui.Item("obj.threshold"),
            ui.Item("obj.mean_decides", label="Mean of the members decides", visible_when=ensemble),
            ui.Item("obj.minimum_agreement", label="Agreement", visible_when=ensemble),
            ui.Item("obj.drawing", label="Draw a mask"),
            ui.Item("obj.status", style="readonly", show_label=False),
            ui.Label("Click: add an atom. Shift-click: remove one."),
        ),
        buttons=[
            ui.Action(name="Clear masks", action="clear_masks"),
            # traitsui has its own "Undo", for widgets.
            ui.Action(name="Undo last change", action="undo"),
            OKButton,
            CancelButton,
        ],
        handler=_Handler(),
        title="Find atoms",
        resizable=True,
        width=500,
    )
    return obj, {"view": view, "context": context | {"obj": obj}}
