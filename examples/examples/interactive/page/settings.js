// What the person likes, kept from image to image and from visit to visit. The browser keeps it; nothing leaves it.

const PREFIX = 'ikem.';

/** What was kept under `name`: the parts of `standard`, with what was kept in their place where the type fits. */
export function kept(name, standard) {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + name)) ?? {};
    const part = ([key, value]) => [key, typeof found[key] === typeof value ? found[key] : value];
    return Object.fromEntries(Object.entries(standard).map(part));
  } catch {
    return standard;
  }
}

/** Keeps `values` under `name`. */
export function keep(name, values) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(values));
  } catch {
    // A browser that keeps nothing still works.
  }
}
