// Colours of what is drawn over the radiograph.

export const INK = Object.freeze({
  outline: 'rgba(4, 8, 12, 0.85)',
  ghost: 'rgba(214, 224, 235, 0.75)',
  chosen: '#ffffff',
  selected: '#8fd0ff',
  suspect: '#ffb454',
  absent: 'rgba(190, 200, 212, 0.8)',
  label: '#5ad19a',
  frame: '#e8f1ff',
  measure: '#7ef0e0',
  unseen: 'rgba(2, 5, 9, 0.45)',
  cobb: ['#7cc4ff', '#ffd166', '#f78fb3', '#9be28f', '#c3a6ff'],
});

/**
 * The colour of a vertebra: steps by the golden angle keep neighbours far apart. As in exported overlays, but blue and
 * violet lighter, so that names can be read on dark grey.
 */
export function vertebraColour(index) {
  const hue = (210 + 137.508 * index) % 360;
  const lightness = hue > 220 && hue < 300 ? 72 : index % 2 === 0 ? 66 : 60;
  return `hsl(${hue.toFixed(1)} 90% ${lightness}%)`;
}
