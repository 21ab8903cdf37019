/** What an expression of PromQL is about. */

/** A metric that is read, with the labels that it is chosen by. */
export interface Selector {
  readonly metric: string
  readonly labels: readonly string[]
}

const words = new Set(['and', 'or', 'unless', 'bool', 'offset', 'atan2', 'inf', 'nan'])
/** Labels that are listed: of what is aggregated, or matched. */
const lists = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi
const strings = /"(?:[^"\\]|\\.)*"/g

/** Every metric that an expression reads. */
export function selectorsOf(expr: string): Selector[] {
  const bare = expr
    .replaceAll(strings, '""')
    .replaceAll(lists, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
  const found = bare.matchAll(/(?<![\w:.])([A-Za-z_:][\w:]*)(?:\s*\{([^}]*)\})?(?!\w)(?!\s*\()/g)
  return [...found].flatMap(([, metric = '', matchers = '']) =>
    words.has(metric.toLowerCase())
      ? []
      : [{ metric, labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label) }],
  )
}

/** The metrics that an instance tells, with the labels that each was seen to have. */
export function toldIn(exposition: string): Map<string, Set<string>> {
  const told = new Map<string, Set<string>>()
  for (const [, name = ''] of exposition.matchAll(/^# TYPE (\S+) /gm)) told.set(name, new Set())
  for (const [, name = '', labels = ''] of exposition.matchAll(/^([A-Za-z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)) {
    const seen = told.get(name)
    for (const [, label = ''] of labels.replaceAll(strings, '""').matchAll(/(\w+)=/g)) seen?.add(label)
  }
  return told
}
