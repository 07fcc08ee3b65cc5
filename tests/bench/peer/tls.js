// Calls to a vendor with undici: looks at even times, then submits, both over kept connections.
//   tls.js <vendor> <job> <jobs> <ms between looks> <seconds> <submits>      prints {"look", "submit"}: µs of CPU each
const { Pool } = require('undici')
const [vendor, job, jobs, everyMs, seconds, submits] = process.argv.slice(2)
const pool = new Pool(vendor, { connections: 100 })
const headers = { authorization: 'Bearer sim-secret', 'content-type': 'application/json' }
const body = JSON.stringify({ model: 'sora-2', prompt: 'a lighthouse [hang]', seconds: '4', size: '1280x720' })
const call = async (options) => {
  const answer = await pool.request({ headers, ...options })
  const found = await answer.body.json()
  if (answer.statusCode !== 200) throw new Error(JSON.stringify(found))
  return found
}
const us = (before) => {
  const cpu = process.cpuUsage(before)
  return cpu.user + cpu.system
}
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

;(async () => {
  let looks = 0
  const look = () => call({ method: 'GET', path: `/v1/videos/${job}` }).then(() => looks++)
  const timers = []
  for (let i = 0; i < +jobs; i++) {
    timers.push(setInterval(look, +everyMs))
    await sleep(+everyMs / +jobs)
  }
  await sleep(1000)
  looks = 0
  let before = process.cpuUsage()
  await sleep(seconds * 1000)
  timers.forEach(clearInterval)
  const found = { look: us(before) / looks }
  await sleep(500)
  before = process.cpuUsage()
  let left = +submits
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (left-- > 0) await call({ method: 'POST', path: '/v1/videos', body })
  }))
  found.submit = us(before) / +submits
  console.log(JSON.stringify(found))
  process.exit(0)
})()
