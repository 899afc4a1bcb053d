// The icons: drawn on a grid of 20, in lines of the text's colour.

const shapes = {
  undo: "M4 8h8a4 4 0 0 1 0 8H8M4 8l3.5-3.5M4 8l3.5 3.5",
  redo: "M16 8H8a4 4 0 0 0 0 8h4M16 8l-3.5-3.5M16 8l-3.5 3.5",
  heading1: "M3.5 5v10M10 5v10M3.5 10H10M13.5 10.5l2.5-1.5v6",
  heading2: "M3.5 5v10M10 5v10M3.5 10H10M13.2 10.7c.2-1.2 1-1.7 1.9-1.7 1.1 0 1.9.7 1.9 1.7 0 1.6-3.8 2.3-3.8 4.3H17",
  heading3: "M3.5 5v10M10 5v10M3.5 10H10M13.3 10.2c.3-.8.9-1.2 1.8-1.2 1 0 1.7.6 1.7 1.4 0 .9-.7 1.5-1.9 1.5 1.3 0 2.1.6 2.1 1.6 0 .9-.8 1.5-1.9 1.5-1 0-1.7-.5-2-1.3",
  bold: "M6 4.5h4.7a2.6 2.6 0 0 1 0 5.3H6zM6 9.8h5.4a2.85 2.85 0 0 1 0 5.7H6z",
  italic: "M8.5 4.5H14M6 15.5h5.5M11.5 4.5l-3 11",
  underline: "M6 4v5.5a4 4 0 0 0 8 0V4M5 16.5h10",
  strike: "M14 6.5C13.5 5 12 4.2 10 4.2c-2.3 0-3.9 1.1-3.9 2.9 0 1.5 1 2.3 3 2.9M3.5 10h13M11.5 10.5c1.8.5 2.7 1.4 2.7 2.7 0 1.7-1.6 2.7-4 2.7-2.2 0-3.9-1-4.3-2.7",
  bullets: "M8 5.5h8.5M8 10h8.5M8 14.5h8.5M4 5.5h.01M4 10h.01M4 14.5h.01",
  numbers: "M9 5.5h7.5M9 10h7.5M9 14.5h7.5M3.5 4.7l1.2-.7v3.5M3.4 12.9c.1-.7.6-1 1.2-1 .7 0 1.2.4 1.2 1 0 1-2.4 1.5-2.4 2.7h2.5",
  checks: "M3 5.8l1.3 1.3 2.3-2.6M3 13.3l1.3 1.3 2.3-2.6M9.5 6h7M9.5 13.5h7",
  quote: "M8 6c-2.7.9-4 2.9-4 5.4V14h4.2v-4H5.6M16 6c-2.7.9-4 2.9-4 5.4V14h4.2v-4h-2.6",
  code: "M7 6l-4 4 4 4M13 6l4 4-4 4",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.6-2.6a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-2.6 2.6a3 3 0 0 0 4.3 4.3l1-1",
  clear: "M6 5h9M10.5 5L9 11M4 16L16 4M8.2 15h3.3",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
  plus: "M10 4v12M4 10h12",
  pencil: "M4 16l.7-3.3 8.6-8.6a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3l-8.6 8.6zM11.8 5.6l2.6 2.6",
  bin: "M4 6h12M8 6V4.5h4V6M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5",
  back: "M12 4.5L6.5 10l5.5 5.5",
  page: "M5.5 3h6L15 6.5V17H5.5zM11.5 3v3.5H15M8 10.5h4.5M8 13.5h4.5",
  open: "M8 5H5v10h10v-3M11.5 4.5h4v4M15.5 4.5L9.5 10.5",
  braces: "M8 3.5c-2 0-2.5.8-2.5 2.2v2.1c0 1.2-.6 2-2 2.2 1.4.2 2 1 2 2.2v2.1c0 1.4.5 2.2 2.5 2.2M12 3.5c2 0 2.5.8 2.5 2.2v2.1c0 1.2.6 2 2 2.2-1.4.2-2 1-2 2.2v2.1c0 1.4-.5 2.2-2.5 2.2",
  chevron: "M8 6l4 4-4 4",
  unfold: "M6.5 7L10 3.5 13.5 7M6.5 13l3.5 3.5 3.5-3.5M4 10h12",
  fold: "M6.5 3.5L10 7l3.5-3.5M6.5 16.5L10 13l3.5 3.5M4 10h12",
  copy: "M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4",
  close: "M5.5 5.5l9 9M14.5 5.5l-9 9",
} as const;

export type IconName = keyof typeof shapes;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shapes[name]);
  svg.append(path);
  return svg;
}
