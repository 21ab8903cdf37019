/** Where the root keys of a service stand: in the file of the estate in this home, or in a source that is named. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { addRootKey, type RootKeyList, readRootKeys, removeRootKeys, rootKeyIds } from '@rekey/database'
import { type SecretSource, SecretsError, secretSource } from '@rekey/secrets'
import type { Of } from '../client/management.ts'
import { CliError, type CliErrorCode } from '../error.ts'
import { changeRootKeys, rootKeyFile } from '../estate/root-key-file.ts'
import type { Shell } from '../shell.ts'

export interface RootKeyPlace {
  /** For messages. */
  readonly name: string
  /** The newest first. */
  ids(): Promise<string[]>
  /** Puts a new one before the others. */
  add(): Promise<void>
  /** @param require throws when those that stand there are not the ones that were asked about */
  remove(ids: readonly string[], require: (ids: string[]) => void): Promise<void>
}

/**
 * @param source `file:/path` or `vault:PATH#FIELD`, for a service that runs elsewhere
 * @throws CliError `WRONG_USE` when nothing can be changed there from here, `ROOT_KEY_MISSING`
 */
export function rootKeyPlace(shell: Pick<Shell, 'env' | 'folder'>, of?: Of, source?: string): RootKeyPlace {
  return source === undefined ? fileOfHome(rootKeyFile(shell, of)) : namedPlace(source, shell.env)
}

function fileOfHome(path: string): RootKeyPlace {
  return {
    name: path,
    ids: async () => rootKeyIds(readFileSync(path, 'utf8')),
    add: async () => changeRootKeys(path, addRootKey),
    async remove(ids, require) {
      changeRootKeys(path, (text) => {
        require(rootKeyIds(text))
        return ids.length === 0 ? text : removeRootKeys(text, ids)
      })
    },
  }
}

function namedPlace(text: string, env: NodeJS.ProcessEnv): RootKeyPlace {
  const opened = <T>(act: (source: SecretSource) => Promise<T>) => withSource(text, env, act)
  const keys = (): Promise<RootKeyList> => readRootKeys(text, env)
  return {
    name: text,
    ids: async () => (await keys()).map(({ id }) => id),
    add: () => opened((source) => source.add(randomBytes(32).toString('hex'))),
    async remove(ids, require) {
      const all = await keys()
      require(all.map(({ id }) => id))
      const over = all.filter(({ id }) => ids.includes(id))
      await opened(async (source) => {
        for (const { key } of over) await source.remove(Buffer.from(key).toString('hex'))
      })
    },
  }
}

async function withSource<T>(
  text: string,
  env: NodeJS.ProcessEnv,
  act: (source: SecretSource) => Promise<T>,
): Promise<T> {
  let source: SecretSource | undefined
  try {
    source = secretSource(text, env)
    return await act(source)
  } catch (error) {
    throw error instanceof SecretsError ? refusalOf(error) : error
  } finally {
    source?.close()
  }
}

const codes: Readonly<Partial<Record<string, CliErrorCode>>> = {
  SOURCE_INVALID: 'WRONG_USE',
  SOURCE_NOT_WRITABLE: 'WRONG_USE',
  VAULT_SETTINGS_INVALID: 'WRONG_USE',
  VAULT_UNAVAILABLE: 'UNREACHABLE',
}

function refusalOf(cause: SecretsError): CliError {
  const way =
    cause.code === 'SOURCE_NOT_WRITABLE'
      ? '. Put a new key (openssl rand -hex 32) before the others where it comes from; "rekey root-key list" shows who holds it'
      : ''
  return new CliError(codes[cause.code] ?? 'FAILED', `${cause.message}${way}`, {}, { cause })
}
