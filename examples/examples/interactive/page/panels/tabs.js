// Tabs: arrow keys go from one to the next.

export function connect() {
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const show = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute('aria-selected', String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')).hidden = tab !== chosen;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener('click', () => show(tab));
    tab.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      const visible = tabs.filter(({ hidden }) => !hidden);
      const next = visible[(visible.indexOf(tab) + by + visible.length) % visible.length];
      next.focus();
      show(next);
      event.preventDefault();
      event.stopPropagation();
    });
  }
  show(tabs[0]);
}
