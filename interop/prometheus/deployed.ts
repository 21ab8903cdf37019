import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const folder = fileURLToPath(new URL('../../deploy', import.meta.url))

/** A file of YAML below `deploy/`, as data; written as JSON it is YAML again. */
// biome-ignore lint/suspicious/noExplicitAny: what these programs take is theirs to say
export function deployed(path: string): any {
  return parse(readFileSync(join(folder, path), 'utf8'))
}
