import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { VerifyError } from '../error.ts'

/**
 * Where one or several secrets stand, the newest first: a string of one or several with commas between them (which is why
 * no secret in it can have a comma), `file:/path` as a string, a list in which each string is a secret as it stands, or a
 * file with one secret a line or commas between them. A file is watched: a changed one is in force within a second.
 */
export type SecretSource = string | readonly string[] | { readonly file: string }

/** The same, read: what stands in the configuration itself, or a path. */
type ParsedSource = { readonly secrets: readonly string[] } | { readonly file: string }

/** Nobody has that many secrets; whoever names a log file or a device by mistake is told. */
const LARGEST_FILE = 65_536

/** @throws {TypeError} for what is no source; the message never has a secret in it. */
export function parseSource(source: SecretSource | undefined): ParsedSource {
  if (typeof source === 'string') {
    return source.startsWith('file:') ? { file: pathOf(source) } : { secrets: parseList(source) }
  }
  if (Array.isArray(source)) return { secrets: distinct(source) }
  const file = (source as { file?: unknown } | undefined)?.file
  if (typeof file === 'string' && file !== '') return { file }
  throw new TypeError('secrets are required: a string, a list of strings, or { file }')
}

function pathOf(text: string): string {
  const path = text.startsWith('file://') ? fileURLToPath(text) : text.slice('file:'.length)
  if (path.trim() === '') throw new TypeError('file: must be followed by a path')
  return path.trim()
}

function parseList(text: string): string[] {
  const secrets = text.split(',').map((secret) => secret.trim())
  if (secrets.some((secret) => secret.startsWith('file:'))) throw new TypeError('file: stands alone and names one file')
  return distinct(secrets)
}

/** Blank lines are what editors and templates leave behind; an element that is missing between two commas is a mistake. */
function parseFile(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  return parseList(lines.filter((line) => line.trim() !== '').join(','))
}

function distinct(secrets: readonly unknown[]): string[] {
  const good = secrets.every((secret) => typeof secret === 'string' && secret.trim() !== '')
  if (good && secrets.length > 0) return [...new Set(secrets as readonly string[])]
  throw new TypeError('a secret is empty: there must be at least one, and something between every two commas')
}

/** @throws {VerifyError} `secrets_failed` when the file cannot be read. @throws {TypeError} for what stands in it. */
export async function readSecretFile(file: string): Promise<string[]> {
  try {
    assertReadable(await stat(file))
    return parseFile(await readFile(file, 'utf8'))
  } catch (error) {
    throw explained(error)
  }
}

/** What a source holds now. @throws {TypeError} and {VerifyError}, as of {@link readSecretFile} */
export function secretsNow(source: SecretSource): readonly string[] {
  const parsed = parseSource(source)
  return 'file' in parsed ? readSecretFileNow(parsed.file) : parsed.secrets
}

/** The same at once, for a start that cannot wait. */
export function readSecretFileNow(file: string): string[] {
  try {
    assertReadable(statSync(file))
    return parseFile(readFileSync(file, 'utf8'))
  } catch (error) {
    throw explained(error)
  }
}

function assertReadable(facts: { isFile(): boolean; size: number }): void {
  // A pipe or a device would block whoever reads it.
  if (!facts.isFile()) throw new VerifyError('secrets_failed', { detail: 'it is not a file' })
  if (facts.size > LARGEST_FILE) throw new VerifyError('secrets_failed', { detail: 'the file is too large' })
}

/** The path is the operator's own, but a message may go to the wire: it stands in the cause alone. */
function explained(error: unknown): unknown {
  if (error instanceof TypeError || error instanceof VerifyError) return error
  return new VerifyError('secrets_failed', { cause: error })
}
