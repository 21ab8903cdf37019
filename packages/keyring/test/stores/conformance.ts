import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Keyring, versionOf } from '../../src/lifecycle/keyring.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import type { AnyPolicy, ClientPolicy } from '../../src/policy/client.ts'
import type { Policy } from '../../src/policy/signing.ts'
import type { Change, KeyringStore } from '../../src/stores/store.ts'
import { clientSample, type Sample, signingSample } from './sample.ts'

/** A store as the suite needs it. */
export interface StoreUnderTest<P extends AnyPolicy = Policy> {
  store: KeyringStore<P>
  /** Another handle on the same keyrings, as a second process has it. */
  other: KeyringStore<P>
  /** What the names of its keyrings begin with; nothing if absent. */
  prefix?: string
  /** The changes that were recorded for a keyring, oldest first; what a store adds to their details is left out. */
  changes(name: string): Promise<Change[]>
  close(): Promise<void>
}

/**
 * What every store of keyrings must keep, as tests. Each of them works on keyrings of its own, so one store serves all.
 *
 * @param open called once, before the first test
 */
export function conformsToStore(label: string, open: () => Promise<StoreUnderTest>): void {
  conforms(label, open, signingSample)
}

/** The same for a store of keyrings that clients hold. */
export function conformsToClientStore(label: string, open: () => Promise<StoreUnderTest<ClientPolicy>>): void {
  conforms(label, open, clientSample)
}

function conforms<P extends AnyPolicy>(
  label: string,
  open: () => Promise<StoreUnderTest<P>>,
  { create, mark, markOf, add, inside, revoke, dueAt, ask }: Sample<P>,
): void {
  describe(label, () => {
    let under: StoreUnderTest<P>
    let used = 0
    before(async () => {
      under = await open()
    })
    after(() => under.close())

    const about = (action: string): Change => ({ action, actor: 'ops', details: { why: 'test' } })
    const unusedName = () => `${under.prefix ?? ''}conformance-${++used}`

    async function created(name = unusedName()): Promise<Keyring<P>> {
      const { store } = under
      const keyring = await store.save(undefined, create(name, await store.now()), about('keyring.created'))
      return keyring ?? assert.fail('nobody else creates this keyring')
    }

    async function saved(previous: Keyring<P>, next: Keyring<P>): Promise<Keyring<P>> {
      const stored = await under.store.save(previous, next, about('keyring.changed'))
      return stored ?? assert.fail('nobody else changes this keyring')
    }

    it('knows nothing of a keyring that was never saved', async () => {
      assert.equal(await under.store.load(unusedName()), undefined)
    })

    it('takes no path for the name of a keyring', async () => {
      const { name } = await created()
      for (const path of [`../${name}`, `./${name}`, `${name}/`, `x/../${name}`, '..', '.', '', '\u{1f511}', "'; --"]) {
        assert.equal(await under.store.load(path), undefined, path)
      }
    })

    it('gives back what it saved, to everybody', async () => {
      const keyring = await created()
      assert.deepEqual(await under.store.load(keyring.name), keyring)
      assert.deepEqual(await under.other.load(keyring.name), keyring)
      const revised = await saved(keyring, mark(keyring, 'ops "quoted" \\ \u{1f511}'))
      assert.deepEqual(await under.other.load(keyring.name), revised)
    })

    it('tells a clock that does not run backwards', async () => {
      const first = await under.store.now()
      assert.ok(Number.isSafeInteger(first))
      assert.ok((await under.other.now()) >= first)
    })

    it('of twenty that create the same keyring lets one win', async () => {
      const name = unusedName()
      const first = create(name, await under.store.now())
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, writer) =>
          handle(writer).save(undefined, mark(first, `writer ${writer}`), about(`by ${writer}`)),
        ),
      )
      await checkOneWon(name, all)
    })

    it('of twenty that start from the same revision lets one win', async () => {
      const keyring = await created()
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, writer) =>
          handle(writer).save(keyring, mark(keyring, `writer ${writer}`), about(`by ${writer}`)),
        ),
      )
      await checkOneWon(keyring.name, all)
    })

    it('loses nothing of what ten change at once, each from the document that it finds', async () => {
      const { name } = await created()
      const ids = Array.from({ length: 10 }, (_, writer) => `by-${writer}`)
      const adding = (id: string) => (keyring: Keyring<P>, now: number) => add(keyring, id, now)
      await Promise.all(
        ids.map((id, writer) => changeKeyring(handle(writer), name, adding(id), about('keyring.prepared'))),
      )
      const versions = (await under.store.load(name))?.versions.map(({ id }) => id)
      assert.deepEqual(versions?.sort(), [...ids, 'first', 'second'])
    })

    it('refuses a save that starts from an older revision, and records nothing of it', async () => {
      const old = await created()
      const current = await saved(old, mark(old, 'fast'))
      assert.equal(await under.store.save(old, mark(old, 'slow'), about('lost')), undefined)
      assert.deepEqual(await under.store.load(old.name), current)
      const actions = (await under.changes(old.name)).map(({ action }) => action)
      assert.deepEqual(actions, ['keyring.created', 'keyring.changed'])
    })

    it('refuses to create a keyring that exists', async () => {
      const keyring = await created()
      const again = create(keyring.name, await under.store.now())
      assert.equal(await under.store.save(undefined, again, about('lost')), undefined)
      assert.deepEqual(await under.store.load(keyring.name), keyring)
    })

    it('refuses to change a keyring that does not exist', async () => {
      const stranger = { ...(await created()), name: unusedName() }
      assert.equal(await under.store.save(stranger, stranger, about('lost')), undefined)
      assert.equal(await under.store.load(stranger.name), undefined)
    })

    it('gives every save a greater revision, also when the caller claims another', async () => {
      let keyring = await created()
      for (let save = 0; save < 12; save++) {
        const next = await saved(keyring, { ...keyring, revision: 1_000_000 })
        assert.ok(next.revision > keyring.revision)
        assert.equal((await under.store.load(keyring.name))?.revision, next.revision)
        keyring = next
      }
    })

    it('stamps each version with the revision in which it first stood', async () => {
      const first = await created()
      const second = await saved(first, add(first, 'third', 1))
      const third = await saved(second, inside(second))
      assert.equal(versionOf(first, 'first').since, first.revision)
      assert.equal(versionOf(third, 'third').since, second.revision)
      assert.deepEqual(await under.store.load(first.name), third)
    })

    it('publishes what changes which versions are accepted or revoked, and nothing else', async () => {
      const keyring = await created()
      assert.equal(keyring.publishedRevision, keyring.revision)
      const changed = await saved(keyring, inside(keyring))
      assert.equal(changed.publishedRevision, keyring.revision)
      const added = await saved(changed, add(changed, 'third', 2))
      assert.equal(added.publishedRevision, added.revision)
      const revoked = await saved(added, revoke(added))
      assert.equal(revoked.publishedRevision, revoked.revision)
      assert.deepEqual(await under.store.load(keyring.name), revoked)
    })

    it('tells of a keyring that is due, from the moment on at which it is', async () => {
      const keyring = await created()
      const atMs = dueAt(keyring)
      assert.equal((await under.store.due(atMs - 1)).includes(keyring.name), false)
      assert.equal((await under.store.due(atMs)).includes(keyring.name), true)
      assert.equal((await under.other.due(atMs + 1)).includes(keyring.name), true)
    })

    if (ask) {
      it('tells at once of a keyring in which something was asked for, until that is done', async () => {
        const keyring = await created()
        const due = async () => (await under.store.due(await under.store.now())).includes(keyring.name)
        assert.equal(await due(), false)
        const asked = await saved(keyring, ask(keyring))
        assert.equal(await due(), true)
        // The store's clock may be set back before anybody has looked.
        assert.equal((await under.store.due((await under.store.now()) - 3_600_000)).includes(keyring.name), true)
        await saved(asked, keyring)
        assert.equal(await due(), false)
      })
    }

    it('lists all keyrings by name, as the bytes of their names are ordered', async () => {
      const prefix = unusedName()
      const names = ['b', 'a-b', 'ab', 'a1', 'a', 'a-a'].map((end) => `${prefix}-${end}`)
      const all = await Promise.all(names.map((name) => created(name)))
      const listed = (await under.store.list()).filter(({ name }) => name.startsWith(prefix))
      assert.deepEqual(
        listed,
        all.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      )
    })

    it('hands out copies: nothing that is done to them changes what is stored', async () => {
      const keyring = await created()
      const expected = structuredClone(keyring)
      spoil(keyring)
      spoil((await under.store.load(expected.name)) ?? assert.fail())
      for (const listed of await under.store.list()) spoil(listed)
      assert.deepEqual(await under.store.load(expected.name), expected)
      const next = mark(structuredClone(expected), 'ops')
      const stored = await saved(expected, next)
      const asStored = structuredClone(stored)
      spoil(next)
      spoil(stored)
      assert.deepEqual(await under.store.load(expected.name), asStored)
    })

    it('records the change of every save', async () => {
      const keyring = await created()
      const change = { action: 'keyring.rotation_requested', actor: 'ops', details: { by: 'ops', nested: { n: [1] } } }
      await under.store.save(keyring, mark(keyring, 'ops'), change)
      assert.deepEqual(await under.changes(keyring.name), [about('keyring.created'), change])
    })

    const handle = (writer: number) => (writer % 2 === 0 ? under.store : under.other)

    async function checkOneWon(name: string, all: (Keyring<P> | undefined)[]): Promise<void> {
      const winners = all.filter((keyring) => keyring !== undefined)
      assert.equal(winners.length, 1)
      assert.deepEqual(await under.store.load(name), winners[0])
      const winner = winners[0] && markOf(winners[0])?.replace('writer', 'by')
      assert.equal((await under.changes(name)).at(-1)?.action, winner)
    }
  })
}

/** Ruins a document in place, whatever its type says about that. */
function spoil(keyring: Keyring<AnyPolicy>): void {
  keyring.name = 'spoilt'
  for (const version of keyring.versions) Object.assign(version, { state: 'revoked', publicPart: {} })
  Object.assign(keyring, { versions: [] })
}
