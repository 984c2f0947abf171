# Both Cloud Run services. imagery-main runs the default command; imagery-populate is deployed from
# the same image with `--command node --args populate.js`. `npm run build` makes dist/runtime first.
FROM node:22-slim
ENV NODE_ENV=production
# A decoded photo is a new block of 36 MB. With large pages, the kernel provides it in 18 steps instead of 9,000, which take
# as long as decoding (https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html).
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1
WORKDIR /app
COPY dist/runtime/package.json dist/runtime/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY dist/runtime/ ./
USER node
# Not `npm start`: SIGTERM must reach node.
CMD ["node", "main.js"]
