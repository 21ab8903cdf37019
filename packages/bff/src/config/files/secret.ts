import { type SecretSource, sourceOf } from '../source.ts'
import type { ConfigDocument } from './document.ts'
import type { Mistakes } from './mistakes.ts'
import { text } from './values.ts'

/** The two fields by which a secret is given. */
export const secretFields = { client_secret: text.optional(), client_secret_file: text.optional() }

interface GivenSecret {
  readonly client_secret?: string | undefined
  readonly client_secret_file?: string | undefined
}

/** @param path of the fields around it */
export function clientSecretOf(
  document: ConfigDocument,
  path: readonly PropertyKey[],
  given: GivenSecret,
  mistakes: Mistakes,
): SecretSource | undefined {
  return mistakes.attempt(() =>
    sourceOf({
      name: document.place([...path, 'client_secret']),
      value: given.client_secret,
      fileName: document.place([...path, 'client_secret_file']),
      file: given.client_secret_file,
    }),
  )
}

/** Whether one is given, good or not: what is wrong with it is one mistake, and that it is missing another. */
export function hasSecret(given: GivenSecret): boolean {
  return given.client_secret !== undefined || given.client_secret_file !== undefined
}
