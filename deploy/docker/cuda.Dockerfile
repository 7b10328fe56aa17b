# docker build -t lb-cuda -f cuda.Dockerfile .
# docker run --rm --gpus all -v "$PWD:/work" -v lb-models:/root/.cache/huggingface lb-cuda pull sd-turbo
# docker run --rm --gpus all -v "$PWD:/work" -v lb-models:/root/.cache/huggingface lb-cuda \
#     render "a red apple" "a green pear" --model stabilityai/sd-turbo -o film.mp4
#
# The machine needs NVIDIA's driver, 580 or newer, and its container toolkit. CUDA 13 and cuDNN come with the package.
FROM python:3.13-slim

RUN pip install --no-cache-dir latent-blending-gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["lb"]
CMD ["--help"]
