/** The peer: @fastify/http-proxy as its documentation starts it, with no session and no log. */
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { announce, portOf } from '../token/announce.ts'

const [upstream = ''] = process.argv.slice(2)
const app = fastify()
await app.register(proxy, { upstream, prefix: '/api' })
await app.listen({ host: '127.0.0.1', port: 0 })
announce({ url: `http://127.0.0.1:${portOf(app.server)}` })
