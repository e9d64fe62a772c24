# SPDX-License-Identifier: GPL-3.0-or-later
"""Widgets of the interactive tool in Jupyter."""

from typing import Any

import ipywidgets as widgets
from hyperspy_gui_ipywidgets.axes import get_ipy_navigation_sliders
from hyperspy_gui_ipywidgets.utils import add_display_arg
from link_traits import link

from hyperspy_dlatoms.signals._atoms_tool import AtomsTool


@add_display_arg
def show_tool(obj: AtomsTool, **kwargs: Any) -> dict[str, Any]:
    """Show the tool; without display return its widgets by name."""
    parts: dict[str, Any] = {
        "model": widgets.Dropdown(options=obj.models, description="Model"),
        "sampling": widgets.BoundedFloatText(
            min=0.001, max=2, step=0.001, description="Sampling (Å/px)"
        ),
        "thresholds_of_card": widgets.Checkbox(description="Thresholds of the model card"),
        "threshold": widgets.FloatSlider(min=0.01, max=0.99, step=0.01, description="Threshold"),
        "mean_decides": widgets.Checkbox(description="Mean of the members decides"),
        "minimum_agreement": widgets.FloatSlider(min=0, max=1, step=0.01, description="Agreement"),
        "species": widgets.Dropdown(options=obj.species_names, description="Species to add"),
    }
    for part in parts.values():
        part.layout.width, part.style.description_width = "32em", "9em"
    rows: list[widgets.Widget] = list(parts.values())
    parts["drawing"] = widgets.ToggleButton(description="Draw a mask", icon="pencil")
    for name, part in parts.items():
        link((obj, name), (part, "value"))
    buttons = {
        "clear_masks": _button("Clear masks", obj.clear_masks),
        "undo": _button("Undo", obj.undo),
        "ok": _button("OK", obj.apply, "success"),
        "cancel": _button("Cancel", obj.close),
    }
    status = widgets.HTML()
    link((obj, "status"), (status, "value"))
    hint = widgets.HTML("Click: add an atom. Shift-click: remove one.")
    found: dict[str, Any] = parts | buttons | {"status": status}
    if obj.show_navigation_sliders:
        axes = obj.signal.axes_manager.navigation_axes
        navigation = get_ipy_navigation_sliders(axes, in_accordion=True)
        rows.insert(0, navigation["widget"])
        found |= navigation["wdict"]
    rows += [
        widgets.HBox([parts["drawing"], buttons["clear_masks"], buttons["undo"]]),
        hint,
        status,
        widgets.HBox([buttons["ok"], buttons["cancel"]]),
    ]
    box = widgets.VBox(rows)

    def arrange(event: Any = None) -> None:
        ensemble, several = obj.is_ensemble, len(obj.species_names) > 1
        for name, there in {
            "mean_decides": ensemble,
            "minimum_agreement": ensemble,
            "species": several,
        }.items():
            parts[name].layout.display = "" if there else "none"
        parts["species"].options = obj.species_names

    arrange()
    obj.observe(arrange, "is_ensemble, species_names.items")
    for name in ("ok", "cancel"):
        buttons[name].on_click(lambda _: box.close() if not obj.is_open else None)
    return {"widget": box, "wdict": found}


def _button(text: str, function: Any, style: str = "") -> widgets.Button:
    button = widgets.Button(description=text, button_style=style)
    button.on_click(lambda _: function())
    return button
