/** What an exposition in the text format of Prometheus says; a reading of its rules that shares nothing with the writer. */
export interface Exposition {
  /** Name and type of each family, in order, as often as it is announced. */
  readonly types: readonly [name: string, type: string][]
  readonly samples: readonly {
    readonly name: string
    readonly labels: Record<string, string>
    readonly value: number
  }[]
}

const SAMPLE = /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\} (\S+)$/
const LABEL = /([a-z]+)="((?:[^"\\]|\\.)*)"/g

function labelsOf(text: string): Record<string, string> {
  const read = (value: string) => value.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character))
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name, read(value ?? '')]))
}

function numberOf(text: string | undefined): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === undefined || !/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(text)) throw new Error(`not a number: ${text}`)
  return Number(text)
}

/** @throws when a line is none, or belongs to no family that was announced just before. */
export function parseExposition(text: string): Exposition {
  const types: [string, string][] = []
  const samples: Exposition['samples'][number][] = []
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end')
  for (const line of text.split('\n').slice(0, -1)) {
    const [, name, type] = /^# TYPE (\w+) (counter|gauge)$/.exec(line) ?? []
    if (name !== undefined && type !== undefined) types.push([name, type])
    if (line.startsWith('#')) continue
    const [, family, labels, value] = SAMPLE.exec(line) ?? []
    if (family === undefined || family !== types.at(-1)?.[0]) throw new Error(`a line that is none: ${line}`)
    samples.push({ name: family, labels: labelsOf(labels ?? ''), value: numberOf(value) })
  }
  return { types, samples }
}
