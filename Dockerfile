# Both Cloud Run services. imagery-main runs the default command; imagery-populate is deployed from
# the same image with `--command node --args populate.js`. `npm run build` makes dist/runtime first.
FROM node:22-slim
ENV NODE_ENV=production
# A decoded photo is a block of 36 MB. The C library would take each one from the kernel and give it back, and the kernel fills
# new memory with zeros: a fifth of the time of a decode. Here it keeps up to 256 MB of free memory, in one heap for all threads
# (https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html).
ENV GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=268435456:glibc.malloc.arena_max=1
WORKDIR /app
COPY dist/runtime/package.json dist/runtime/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY dist/runtime/ ./
USER node
# Not `npm start`: SIGTERM must reach node.
CMD ["node", "main.js"]
