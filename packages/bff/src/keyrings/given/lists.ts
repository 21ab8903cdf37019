import type { Sealer } from '@rekey/database'
import { type GivenSecrets, secretsNow } from '../../config/secrets.ts'
import { sealedMaterial } from '../make.ts'
import type { OwnName } from '../own.ts'
import { givenId } from './id.ts'
import { onceInARow } from './once.ts'
import type { Incoming, IncomingList } from './take-in.ts'

type Secrets = readonly [string, ...string[]]

/** The lists of given secrets, as versions. */
export interface GivenLists {
  /**
   * As it stands now. While what stands there is no list of secrets, the last one that was.
   *
   * @throws BffError `CONFIG_INVALID` where there was none yet
   */
  of(name: OwnName): Promise<{ incoming: IncomingList; variable: string } | undefined>
}

/**
 * @param isRevoked was a version ever revoked, whatever the database says now?
 * @param warn is told of what is no list, once until it is one again
 */
export function givenLists(
  given: GivenSecrets,
  sealer: Sealer,
  isRevoked: (id: string) => boolean,
  warn: (message: string) => void,
): GivenLists {
  const good = new Map<OwnName, Secrets>()
  const warnOnce = onceInARow(warn)
  const known = new Map<OwnName, { secrets: Secrets; incoming: Promise<IncomingList> }>()

  function secretsOf(name: OwnName, source: NonNullable<GivenSecrets[OwnName]>): Secrets {
    try {
      good.set(name, secretsNow(source))
      warnOnce(name, undefined)
    } catch (error) {
      if (!good.has(name)) throw error
      warnOnce(name, `${(error as Error).message}; what was given before stays in force`)
    }
    return good.get(name) as Secrets
  }

  /** The slow hash is made once for each list. */
  function incomingOf(name: OwnName, secrets: Secrets): Promise<IncomingList> {
    const last = known.get(name)
    if (last && String(last.secrets) === String(secrets)) return last.incoming
    const incoming = versionsOf(name, secrets, sealer, isRevoked)
    known.set(name, { secrets, incoming })
    // Another time there may be room for it.
    incoming.catch(() => known.delete(name))
    return incoming
  }

  return {
    async of(name) {
      const source = given[name]
      if (!source) return undefined
      return { incoming: await incomingOf(name, secretsOf(name, source)), variable: source.name }
    },
  }
}

async function versionsOf(
  name: string,
  [newest, ...older]: Secrets,
  sealer: Sealer,
  isRevoked: (id: string) => boolean,
): Promise<IncomingList> {
  const incomingFor = async (secret: string): Promise<Incoming> => {
    const id = await givenId(name, secret)
    const material = () => ({ ...sealedMaterial(sealer, name, id, secret), isGiven: true }) as const
    return { id, isRevoked: () => isRevoked(id), material }
  }
  const head = await incomingFor(newest)
  return [head, ...(await Promise.all(older.map(incomingFor)))]
}
