/**
 * Secrets that this software does not rotate, declared by an operator in a file, so that they stand in the inventory and somebody is
 * told when they are overdue. YAML, of which JSON is a part.
 */
import { parseDuration } from '@rekey/keyring'
import { z } from 'zod'
import { ServiceError } from '../error.ts'
import { type Mistake, mistakesOf } from '../yaml/issues.ts'
import { readYaml } from '../yaml/read.ts'
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
  const mistakes: string[] = []
  const yaml = readYaml(file, source, (mistake) => mistakes.push(mistake))
  if (!yaml) throw refused(mistakes)
  const plain = yaml.plain()
  if (!plain) throw refused([`${yaml.place([])}: an alias without an anchor, or too many aliases`])
  const parsed = shape.safeParse(plain.value)
  const told = ({ path, message }: Mistake) => `${yaml.place(path)}: ${message}`
  if (!parsed.success) throw refused(parsed.error.issues.flatMap((issue) => mistakesOf(issue, plain.value)).map(told))
  const { secrets } = parsed.data
  const twice = namedTwice(secrets)
  if (twice.length > 0) throw refused(twice.map(told))
  return secrets.map(({ rotateEvery, ...same }) => ({ ...same, rotateEveryMs: rotateEvery }))
}

function namedTwice(secrets: readonly { name: string }[]): Mistake[] {
  const seen = new Set<string>()
  return secrets.flatMap(({ name }, at) => {
    const isSeen = seen.has(name)
    seen.add(name)
    return isSeen ? [{ path: ['secrets', at, 'name'], message: 'another secret has this name' }] : []
  })
}

/** Declared secrets as the inventory has them. */
export const declaredFacts = (secret: DeclaredSecret): SecretFacts => ({ ...secret, management: 'declared' })

const refused = (mistakes: readonly string[]) =>
  new ServiceError('CONFIG_INVALID', `the declared secrets are wrong:\n${[...new Set(mistakes)].join('\n')}`)
