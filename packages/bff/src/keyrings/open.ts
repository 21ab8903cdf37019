import type { Sealer } from '@rekey/database'
import { ensureKeyring, type Hands, type KeyringStore } from '@rekey/keyring'
import type { RevocationJournal } from '@rekey/service'
import type { Logger } from 'pino'
import type { GivenSecrets } from '../config/secrets.ts'
import { ensureGiven } from './given/ensure.ts'
import { givenLists } from './given/lists.ts'
import { watchGiven } from './given/watch.ts'
import { versionMaker } from './make.ts'
import { type KeyringMemory, keyringMemory } from './memory.ts'
import { type OwnName, ownKeyrings, ownNames } from './own.ts'
import { type KeyringTerms, policyOf } from './policy.ts'

/** The own keyrings of an instance. */
export interface OwnKeyrings {
  memory: KeyringMemory
  /** For the loop. */
  make: Hands['make']
  /** Do the secrets of a keyring come from whoever starts this instance? Then he rotates it, by giving another one. */
  isGiven(name: string): boolean
  /**
   * Makes sure that all of them are there, by the policies and secrets that this instance was given: at its start, and whenever
   * everything is read anew.
   *
   * @throws KeyringError `POLICY_INVALID`, BffError `CONFIG_INVALID`
   */
  ensure(): Promise<void>
  /**
   * Takes in, from now on, what else is given.
   *
   * @param mayAct does this instance hold its lease?
   * @returns ends it
   */
  watch(mayAct: () => boolean): () => Promise<void>
}

/**
 * @param settle finds out under which root key is sealed; asked before anything is
 */
export function ownKeyringsOf(
  config: KeyringTerms & { secrets: GivenSecrets },
  store: KeyringStore,
  sealer: Sealer,
  settle: () => Promise<void>,
  journal: RevocationJournal,
  log: Logger,
): OwnKeyrings {
  const given = config.secrets
  const memory = keyringMemory(store, sealer, journal, (error) =>
    log.error({ err: error }, 'what is revoked could not be written to the journal'),
  )
  const isRevoked = (id: string) => journal.has(id)
  const lists = givenLists(given, sealer, isRevoked, (message) => log.warn(message))
  const makeSealed = versionMaker(sealer)
  const make: Hands['make'] = async (keyring) => {
    await settle()
    return makeSealed(keyring)
  }

  async function ensureOne(name: OwnName): Promise<void> {
    const list = await lists.of(name)
    const policy = policyOf(name, config, list !== undefined)
    if (!list) {
      await ensureKeyring({ store, make }, { name, ...ownKeyrings[name], policy })
      return
    }
    await settle()
    await ensureGiven({ store, make }, { name, policy, ...list })
  }

  return {
    memory,
    make,
    isGiven: (name) => Object.hasOwn(given, name),
    async ensure() {
      for (const name of ownNames) await ensureOne(name)
    },
    watch: (mayAct) => watchGiven({ given, lists, documents: memory.held.documents, takeIn: ensureOne, mayAct, log }),
  }
}
