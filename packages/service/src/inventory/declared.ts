/**
 * Secrets that this software does not rotate, declared by an operator in a file, so that they stand in the inventory and somebody is
 * told when they are overdue. YAML, of which JSON is a part.
 */
import { parseDuration } from '@rekey/keyring'
import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml'
import { z } from 'zod'
import { ServiceError } from '../error.ts'
import type { SecretFacts } from './entry.ts'

/** A secret as it is declared. */
export interface DeclaredSecret {
  name: string
  kind: string
  owner: string
  rotatedAt: number
  rotateEveryMs: number
  description?: string | undefined
}

const mostSecrets = 10_000
const text = (most: number) =>
  z.string('a text').regex(new RegExp(`^[^\\p{Cc}]{1,${most}}$`, 'u'), `a line of text, of 1 to ${most} characters`)

const interval = z.string('a duration, as in 90d').transform((given, context) => {
  try {
    const ms = parseDuration(given)
    if (ms > 0) return ms
  } catch {
    // What is expected is said below.
  }
  context.addIssue({ code: 'custom', message: 'a duration above 0, as in 90d' })
  return z.NEVER
})

/** A day, or a moment of one, in whichever zone. */
const when = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], 'a day or a time, as in 2026-03-01')
  .transform((given) => Date.parse(given))

const declared = z.strictObject({
  name: text(200),
  kind: text(100).default('declared'),
  owner: text(200),
  rotatedAt: when,
  rotateEvery: interval,
  description: text(500).optional(),
})
const shape = z.strictObject({ secrets: z.array(declared, 'a list').max(mostSecrets, `at most ${mostSecrets}`) })

/**
 * Reads declared secrets.
 *
 * @param file as it is called in messages
 * @throws ServiceError `CONFIG_INVALID`, a line for each mistake with its line and field, and no value: somebody may have written a
 *   secret where none belongs
 */
export function readDeclared(file: string, source: string): DeclaredSecret[] {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, stringKeys: true, schema: 'core' })
  const lineAt = (offset: number) => Math.max(lines.linePos(offset).line, 1)
  const place = (offset: number) => `${file}:${lineAt(offset)}`
  const faults = [...document.errors, ...document.warnings].map(({ pos }) => `${place(pos[0])}: this is not YAML`)
  if (faults.length > 0) throw refused(faults)
  const lineOf = (path: readonly PropertyKey[]) => place(offsetOf(document.contents, path))
  const aliases: string[] = []
  visit(document, {
    Alias: (_key, node) => void aliases.push(`${place(startOf(node) ?? 0)}: aliases are not understood here`),
  })
  if (aliases.length > 0) throw refused(aliases)
  const parsed = shape.safeParse(document.toJS())
  if (!parsed.success) throw refused(parsed.error.issues.flatMap((issue) => mistakesOf(issue, lineOf)))
  const { secrets } = parsed.data
  const twice = secrets.flatMap(({ name }, at) =>
    secrets.findIndex((each) => each.name === name) < at
      ? [`${lineOf(['secrets', at, 'name'])}: secrets[${at}].name: another secret has this name`]
      : [],
  )
  if (twice.length > 0) throw refused(twice)
  return secrets.map(({ rotateEvery, ...same }) => ({ ...same, rotateEveryMs: rotateEvery }))
}

/** Declared secrets as the inventory has them. */
export const declaredFacts = (secret: DeclaredSecret): SecretFacts => ({ ...secret, management: 'declared' })

function mistakesOf(issue: z.core.$ZodIssue, lineOf: (path: readonly PropertyKey[]) => string): string[] {
  const told = (path: readonly PropertyKey[], message: string) => `${lineOf(path)}: ${fieldOf(path)}${message}`
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => told([...issue.path, key], 'there is no such field'))
  }
  // Messages of the library may repeat a value; ours say what is expected.
  const isOurs = !/^(Invalid|Too|Unrecognized)/.test(issue.message)
  return [told(issue.path, `expected ${isOurs ? issue.message : 'fields, as docs/inventory.md has them'}`)]
}

function fieldOf(path: readonly PropertyKey[]): string {
  const field = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  return field === '' ? '' : `${field.replace(/^\./, '')}: `
}

/** Of the key, where there is one; else of the nearest thing around it. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number {
  let node: unknown = contents
  let offset = startOf(node) ?? 0
  for (const step of path) {
    const pair = isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      : undefined
    const next = pair ? pair.value : isSeq(node) ? node.items[Number(step)] : undefined
    if (next === undefined) break
    offset = startOf(pair?.key ?? next) ?? offset
    node = next
  }
  return offset
}

const startOf = (node: unknown): number | undefined =>
  (node as { range?: [number, number, number] | null } | null)?.range?.[0]

const refused = (mistakes: readonly string[]) =>
  new ServiceError('CONFIG_INVALID', `the declared secrets are wrong:\n${[...new Set(mistakes)].join('\n')}`)
