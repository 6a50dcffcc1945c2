// Light or dark: as the system has it, or as the person chose (theme.css).

import { byId } from './element.js';

export function connect({ store }) {
  const choice = byId('theme');
  choice.addEventListener('change', () => store.set({ theme: choice.value }));
  store.watch(['theme'], ({ theme }) => {
    choice.value = theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}
