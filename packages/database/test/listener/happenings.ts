import type { ListenerOptions } from '../../src/listener/open.ts'

type Callbacks = Pick<ListenerOptions, 'onNotify' | 'onLost' | 'onRestored' | 'onRetry'>

/** What a listener told, in order, with a way to wait for the next thing. */
export interface Happenings extends Callbacks {
  /** Takes the next thing told: `notify:…`, `lost:…`, `restored` or `retry:…`. */
  next(): Promise<string>
  /** Takes what was told until this. */
  until(wanted: string): Promise<string[]>
  readonly waiting: readonly string[]
}

export function happenings(): Happenings {
  const told: string[] = []
  let wake = Promise.withResolvers<void>()
  const tell = (what: string) => {
    told.push(what)
    wake.resolve()
  }
  const next = async (): Promise<string> => {
    for (;;) {
      const first = told.shift()
      if (first !== undefined) return first
      wake = Promise.withResolvers<void>()
      await wake.promise
    }
  }
  const until = async (wanted: string): Promise<string[]> => {
    const before: string[] = []
    for (;;) {
      const what = await next()
      if (what === wanted) return before
      before.push(what)
    }
  }
  return {
    next,
    until,
    waiting: told,
    onNotify: (payload) => tell(`notify:${payload}`),
    onLost: ({ kind }) => tell(`lost:${kind}`),
    onRestored: () => tell('restored'),
    onRetry: (error) => tell(`retry:${(error as { code?: string }).code}`),
  }
}
