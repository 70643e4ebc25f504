/* The question of "override": the second list holds the values of the field that is chosen in the first. */
"use strict";
(() => {
  const field = document.querySelector('select[name="field"]');
  const value = document.querySelector('select[name="value"]');
  if (!field || !value) return;
  const groups = [...value.querySelectorAll("optgroup")];
  const follow = () => {
    const chosen = value.value;
    const words = field.selectedOptions[0].text;
    value.replaceChildren(...groups.filter((one) => one.label === words).flatMap((one) => [...one.children].map((option) => option.cloneNode(true))));
    if ([...value.options].some((option) => option.value === chosen)) value.value = chosen;
  };
  field.addEventListener("change", follow);
  follow(); /* what was chosen before this script arrived */
})();
