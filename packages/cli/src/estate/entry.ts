import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CliError } from '../error.ts'

/** The file that runs the IdP's process. */
export function idpEntry(): string {
  return fileURLToPath(new URL('main.ts', import.meta.resolve('@rekey/idp')))
}

/** The file that runs the process of the backend for frontend. */
export function bffEntry(): string {
  return fileURLToPath(new URL('main.ts', import.meta.resolve('@rekey/bff')))
}

/** The routes of the example backend, and the page that it serves. */
export const exampleBff = fileURLToPath(new URL('../../../../examples/bff', import.meta.url))
export const exampleSpa = fileURLToPath(new URL('../../../../examples/spa/web', import.meta.url))

/**
 * The file that runs one of the example APIs.
 *
 * @throws CliError `START_FAILED` where the package came without the repository's examples
 */
export function apiEntry(): string {
  const entry = fileURLToPath(new URL('../../../../examples/api/src/main.ts', import.meta.url))
  if (!existsSync(entry)) {
    throw new CliError('START_FAILED', 'the example APIs are not installed here: "rekey up" runs from a checkout', {
      entry,
    })
  }
  return entry
}
