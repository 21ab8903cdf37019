import { EventEmitter, once } from 'node:events'
import {
  type Connection,
  connect,
  type DatabaseTables,
  databaseKeyringStore,
  notifyThrough,
  openListener,
  type Pool,
  revisionChannel,
} from '@rekey/database'
import type { Home } from './home.ts'
import type { Undo } from './undo.ts'

/** So often it is looked although nothing was heard. */
const LOOK_ANYWAY_MS = 200

type KeyringStore = ReturnType<typeof databaseKeyringStore>
/** The document as the instances keep it. */
export type Keyring = NonNullable<Awaited<ReturnType<KeyringStore['load']>>>

/** The keyrings, read where they are and not over HTTP, so that looking puts no load on an IdP. */
export class Keyrings {
  readonly pool: Pool
  readonly #store: KeyringStore
  readonly #changes = new EventEmitter()

  private constructor({ pool, db }: Connection<DatabaseTables>) {
    this.pool = pool
    this.#store = databaseKeyringStore(db)
  }

  static async open(undo: Undo, home: Home): Promise<Keyrings> {
    const connection = connect<DatabaseTables>(home.ownerUrl, { max: 2, applicationName: 'rekey-bench' })
    undo.add(() => connection.close())
    const keyrings = new Keyrings(connection)
    const stir = () => void keyrings.#changes.emit('change')
    const listener = await openListener({
      url: home.ownerUrl,
      channel: revisionChannel,
      notify: notifyThrough(connection.pool),
      onNotify: stir,
      onLost: stir,
      onRestored: stir,
    })
    const beat = setInterval(stir, LOOK_ANYWAY_MS)
    undo.add(async () => {
      clearInterval(beat)
      listener.close()
    })
    return keyrings
  }

  async load(name: string): Promise<Keyring> {
    const keyring = await this.#store.load(name)
    if (!keyring) throw new Error(`there is no keyring ${name}`)
    return keyring
  }

  /** Looks again at every change until the keyring is as wanted. */
  async until(name: string, isSo: (keyring: Keyring) => boolean): Promise<Keyring> {
    for (;;) {
      const change = once(this.#changes, 'change')
      const keyring = await this.load(name)
      if (isSo(keyring)) return keyring
      await change
    }
  }
}
