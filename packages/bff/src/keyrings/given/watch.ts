import type { Keyring } from '@rekey/keyring'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import type { GivenSecrets } from '../../config/secrets.ts'
import type { OwnName } from '../own.ts'
import type { GivenLists } from './lists.ts'
import { onceInARow } from './once.ts'
import { hasPassed, takeIn } from './take-in.ts'

const lookEveryMs = 1_000

export interface Watched {
  given: GivenSecrets
  lists: GivenLists
  /** The documents as this instance holds them: most looks ask the database nothing. */
  documents(): ReadonlyMap<string, Keyring>
  /** Takes in what is given for a keyring. */
  takeIn(name: OwnName): Promise<unknown>
  /** Nothing is taken in by an instance that may not act on what it holds. */
  mayAct(): boolean
  log: Logger
}

/**
 * Looks each second at what is given, and takes it in: a file that changed, and what had to wait for something else.
 *
 * @returns ends it
 */
export function watchGiven(watched: Watched): () => Promise<void> {
  const { given, log } = watched
  const names = Object.keys(given) as OwnName[]
  const warn = (message: string) => log.warn(message)
  const warnOnce = onceInARow(warn)
  let looking = Promise.resolve()
  const look = () => {
    looking = looking
      .then(() => lookAt(names, watched, warnOnce))
      .catch((error) => log.error({ err: error }, 'given secrets could not be taken in'))
    return looking
  }
  const ends = names.flatMap((name) => given[name]?.watch(look, { every, warn }) ?? [])
  ends.push(every(lookEveryMs, look, (error) => log.error({ err: error })))
  return async () => {
    await Promise.all(ends.map((end) => end()))
    await looking
  }
}

async function lookAt(
  names: readonly OwnName[],
  { lists, documents, mayAct, takeIn: take }: Watched,
  warnOnce: (about: string, message: string | undefined) => void,
): Promise<void> {
  for (const name of names) {
    const keyring = documents().get(name)
    const list = await lists.of(name)
    if (!keyring || !list || !mayAct()) continue
    const { incoming, variable } = list
    if (takeIn(keyring, incoming, variable, 0) !== keyring) await take(name)
    warnOnce(name, hasPassed(keyring, incoming) ? passedOver(variable, incoming[0].id, keyring) : undefined)
  }
}

function passedOver(variable: string, id: string, { name, versions }: Keyring): string {
  const { state } = versions.find((version) => version.id === id) ?? { state: 'revoked' }
  const active = versions.find((version) => version.state === 'active')?.id
  return `${variable} is out of date: its first secret is version ${id} of ${name}, which is ${state}; in use is ${active}`
}
