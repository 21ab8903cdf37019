import type { App } from './app.ts'

/** Remembers which methods each path answers, so that a wrong method can be told from a wrong path (RFC 9110 §15.5.6). */
export function methodTable(app: App): (url: string) => string[] {
  const routes: { pattern: RegExp; method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    // Where preflights of any path are answered: nobody else is.
    if (url === '*') return
    const pattern = new RegExp(
      `^${url
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replace(/:[A-Za-z]+/g, '[^/]+')
        .replace('\\*', '.+')}$`,
    )
    for (const name of [method].flat()) routes.push({ pattern, method: name })
  })
  return (url) => {
    const [path = ''] = url.split('?', 1)
    return [...new Set(routes.flatMap(({ pattern, method }) => (pattern.test(path) ? [method] : [])))]
  }
}
