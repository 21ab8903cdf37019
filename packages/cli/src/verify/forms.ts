/** A form of a page: where it leads, and what stands in it already. */
export interface Form {
  action: URL
  method: string
  fields: Map<string, string>
  hasPassword: boolean
}

/** The forms of a page, in order. Reads HTML as templates write it, not as a browser would. */
export function formsIn(html: string, page: URL): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(([, own = '', content = '']) => {
    const inputs = [...content.matchAll(/<input\b([^>]*)>/gi)].map(([, attributes = '']) => attributesIn(attributes))
    const { action = '', method = 'get' } = attributesIn(own)
    return {
      action: new URL(action, page),
      method: method.toUpperCase(),
      fields: new Map(inputs.flatMap(({ name, value = '' }) => (name ? [[name, value] as const] : []))),
      hasPassword: inputs.some(({ type }) => type === 'password'),
    }
  })
}

function attributesIn(text: string): Partial<Record<string, string>> {
  const found = [...text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g)]
  return Object.fromEntries(
    found.map(([, name = '', double, single, bare]) => [name.toLowerCase(), unescaped(double ?? single ?? bare ?? '')]),
  )
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal))
    if (hexadecimal) return String.fromCodePoint(Number.parseInt(hexadecimal, 16))
    return entities[name.toLowerCase()] ?? whole
  })
}
