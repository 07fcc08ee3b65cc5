// The whole life of a task in one process: fastify takes it, a BullMQ flow does the rest. The child of the flow submits
// to the vendor, looks by moving itself to delayed, and saves the file; then its parent, the last hook, is signed and sent.
// Each change before it has a hook, too, as a job of its own.
//   life.js <http port> <redis port> <vendor> <folder> <ms between looks> [kept]
// With "kept" a file is hashed, and there after a power cut, too, before the task goes on.
const { createHash, createHmac } = require('node:crypto')
const { createWriteStream } = require('node:fs')
const { open } = require('node:fs/promises')
const { pipeline } = require('node:stream/promises')
const { FlowProducer, Queue, Worker, DelayedError } = require('bullmq')
const { Pool } = require('undici')
const [port, redisPort, vendor, folder, lookMs, kept] = process.argv.slice(2)
const connection = { host: '127.0.0.1', port: +redisPort, maxRetriesPerRequest: null }
const key = Buffer.alloc(32, 7)
const secret = { 'mj-api-secret': 'sim-secret' }
const counts = { accepted: 0, delivered: 0, failed: 0 }
const pools = new Map()
const request = (url, options) => {
  const { origin, pathname } = new URL(url)
  if (!pools.has(origin)) pools.set(origin, new Pool(origin, { connections: 32 }))
  return pools.get(origin).request({ path: pathname, method: 'GET', ...options })
}
const json = async (answer) => {
  if (answer.statusCode !== 200) throw new Error(`the vendor answered ${answer.statusCode}`)
  return answer.body.json()
}

const opts = { attempts: 8, backoff: { type: 'exponential', delay: 1000 } }
const hooks = new Queue('hooks', { connection })
const tell = (job, task) => hooks.add('hook', { url: job.data.body.notifyHook, task }, opts)

const render = async (job, token) => {
  if (!job.data.upstream) {
    const { notifyHook, ...body } = job.data.body
    const headers = { 'content-type': 'application/json', ...secret }
    const answer = await json(await request(`${vendor}/mj/submit/imagine`, { method: 'POST', headers, body: JSON.stringify({ ...body, state: job.id }) }))
    if (answer.code !== 1) throw new Error(answer.description)
    await job.updateData({ ...job.data, upstream: answer.result })
    await tell(job, { ...body, id: job.id, status: 'SUBMITTED' })
  } else {
    const task = await json(await request(`${vendor}/mj/task/${job.data.upstream}/fetch`, { headers: secret }))
    if (task.status === 'FAILURE') throw new Error(task.failReason)
    if (task.status === 'SUCCESS') {
      await tell(job, { ...task, status: 'IN_PROGRESS' })
      const file = `${folder}/${job.id}.png`
      const answer = await request(task.imageUrl)
      if (answer.statusCode !== 200) throw new Error(`the file: ${answer.statusCode}`)
      const hash = kept && createHash('sha256')
      if (hash) answer.body.on('data', (piece) => hash.update(piece))
      await pipeline(answer.body, createWriteStream(file))
      for (const path of kept ? [file, folder] : []) {
        const handle = await open(path)
        await handle.sync()
        await handle.close()
      }
      return { ...task, imageUrl: file, ...(hash && { sha256: hash.digest('hex') }) }
    }
  }
  await job.moveToDelayed(Date.now() + +lookMs, token)
  throw new DelayedError()
}

const deliver = async (job) => {
  const task = job.data.task || Object.values(await job.getChildrenValues())[0]
  const payload = JSON.stringify(task)
  const id = `msg_${job.id}`, timestamp = Math.floor(Date.now() / 1000)
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`).digest('base64')
  const answer = await request(job.data.url, {
    method: 'POST',
    body: payload,
    headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
  })
  await answer.body.dump()
  if (answer.statusCode >= 300) throw new Error(`the receiver answered ${answer.statusCode}`)
  return answer.statusCode
}

const flows = new FlowProducer({ connection })
const app = require('fastify')()
const schema = {
  body: {
    type: 'object',
    required: ['prompt'],
    properties: { prompt: { type: 'string', minLength: 1 }, state: { type: 'string' }, botType: { type: 'string' }, notifyHook: { type: 'string' } },
  },
}
app.post('/mj/submit/imagine', { schema }, async (request, reply) => {
  if (request.headers.authorization !== 'Bearer sk-dev') return reply.code(401).send({})
  const flow = await flows.add({
    name: 'hook', queueName: 'hooks', data: { url: request.body.notifyHook }, opts,
    children: [{ name: 'imagine', queueName: 'renders', data: { body: request.body }, opts }],
  })
  counts.accepted++
  return { code: 1, description: 'Submitted successfully', result: flow.job.id, properties: {} }
})
app.get('/counts', async () => counts)

for (const [name, work] of [['renders', render], ['hooks', deliver]]) {
  const worker = new Worker(name, work, { connection, concurrency: 64 })
  worker.on('failed', () => counts.failed++)
  if (name === 'hooks') worker.on('completed', () => counts.delivered++)
}
app.listen({ port: +port, host: '127.0.0.1' }).then(() => console.log('listening'))
