import fc from 'fast-check'
import { bareSecret, plainSecret, secretName, shapedSecret } from './secrets.ts'

/** Some value with a secret in it, and the pieces of which none may be seen again. */
export interface Plant {
  readonly value: unknown
  readonly parts: readonly string[]
}

const word = fc.stringMatching(/^[a-z]{2,9}$/)
const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.uuid())
const json = (value: unknown) => JSON.stringify(value)

const shapedText = fc
  .tuple(fc.lorem(), shapedSecret, fc.lorem())
  .map(([before, { text, parts }, behind]) => ({ value: `${before} ${text} ${behind}`, parts }))

const beside = fc.tuple(secretName, bareSecret).map(([name, { text, parts }]) => ({ value: `${name}=${text}`, parts }))

const quoted = fc
  .tuple(secretName, plainSecret, fc.integer({ min: 1, max: 3 }), fc.nat(3))
  .map(([name, { text, parts }, levels, form]) => {
    let value: unknown = [
      { [name]: text, x: 1 },
      { [name]: [text], x: 1 },
      { [name]: { a: [text] } },
      [{ [name]: text }],
    ][form]
    for (let i = 0; i < levels; i += 1) value = json(value)
    return { value: `got ${value} from`, parts }
  })

const inQuery = fc
  .tuple(fc.constantFrom('code', 'state', 'access_token', 'SAMLResponse', 'key'), bareSecret, word, fc.nat(2))
  .map(([name, { text, parts }, other, times]) => {
    let url = `/cb?${other}=1&${name}=${encodeURIComponent(text)}&x=2`
    for (let i = 0; i < times; i += 1) url = `https://${other}.example/go?to=${encodeURIComponent(url)}&y=1`
    return { value: url, parts }
  })

const encodedToken = fc
  .tuple(shapedSecret, word)
  .filter(([{ text }]) => !text.includes('%'))
  .map(([{ text, parts }, name]) => ({ value: `/p?${name}=${encodeURIComponent(text)}`, parts }))

/** Texts that hold a secret by its form or beside a telling name. */
export const plantedText: fc.Arbitrary<{ value: string; parts: readonly string[] }> = fc.oneof(
  shapedText,
  beside,
  quoted,
  inQuery,
  encodedToken,
)

const named: fc.Arbitrary<Plant> = fc
  .tuple(secretName, plainSecret, fc.nat(6))
  .map(([name, { text, parts }, form]) => ({
    value: [
      { [name]: text },
      { [name]: [text, { a: text }] },
      new Map([[name, text]]),
      new Map<unknown, unknown>([
        [1, 2],
        [name, text],
      ]),
      [[name, text]],
      { env: [{ name, value: text }] },
      Object.assign(new Error('failed'), { [name]: text }),
    ][form],
    parts,
  }))

const inHeaders: fc.Arbitrary<Plant> = fc
  .tuple(fc.stringMatching(/^x-[a-z]{3,9}$/), plainSecret, fc.nat(3))
  .map(([name, { text, parts }, form]) => ({
    value: [
      { headers: { [name]: text, host: 'h' } },
      { rawHeaders: ['Host', 'h', name, text] },
      { headers: [{ name, value: text }] },
      {
        headers: new Map([
          [name, text],
          ['set-cookie', `sid=${text}; Path=/`],
        ]),
      },
    ][form],
    parts,
  }))

const base: fc.Arbitrary<Plant> = fc.oneof(
  plantedText,
  plantedText.map(({ value, parts }) => ({ value: new Error(value), parts })),
  plantedText.map(({ value, parts }) => ({ value: { [value]: 1 }, parts })),
  named,
  inHeaders,
)

const isPlainJson = (value: unknown): boolean =>
  value === null ||
  typeof value !== 'object' ||
  (!(value instanceof Error || value instanceof Map || value instanceof Set) && Object.values(value).every(isPlainJson))

const around = (inner: fc.Arbitrary<Plant>): fc.Arbitrary<Plant> =>
  fc.tuple(inner, word, leaf, fc.nat(8)).map(([{ value, parts }, name, other, form]) => ({
    value: [
      [other, value, other],
      { before: other, [name]: value },
      new Map([[name, value]]),
      new Set([value]),
      new Error('failed', { cause: value }),
      new AggregateError([value], 'all failed'),
      Object.assign(new Error('failed'), { context: value }),
      isPlainJson(value) ? json(value) : value,
      isPlainJson(value) ? { body: json({ [name]: json(value) }) } : value,
    ][form],
    parts,
  }))

const twice = around(base)

/** The same anywhere in random structures, up to four levels deep. */
export const plantedValue: fc.Arbitrary<Plant> = fc.oneof(base, twice, around(twice), around(around(twice)))

/** Only what JSON can carry. */
export const plantedJson: fc.Arbitrary<Plant> = plantedValue.filter(({ value }) => isPlainJson(value))
