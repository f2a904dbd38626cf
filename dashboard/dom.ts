export type Attributes = Readonly<Record<string, string | number>>

const SVG = 'http://www.w3.org/2000/svg'

/** What the page's own HTML has under an id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no #${id}`)
  return found
}

export function html(name: string, attributes: Attributes = {}, ...children: readonly (Node | string)[]): HTMLElement {
  return fill(document.createElement(name), attributes, children)
}

export function svg(name: string, attributes: Attributes = {}, ...children: readonly (Node | string)[]): SVGElement {
  return fill(document.createElementNS(SVG, name), attributes, children)
}

/** Writes only what is new: a screen reader hears no repetitions, and a selection stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
  }
}

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly (Node | string)[]): E {
  setAttributes(element, attributes)
  element.append(...children)
  return element
}
