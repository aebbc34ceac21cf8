# Training on NVIDIA GPUs. The host needs their driver and NVIDIA's container
# toolkit, and no CUDA:
#
#   docker build --tag alexnet .
#   docker run --gpus all --volume alexnet-runs:/alexnet/runs alexnet --mode=train
#
# requirements.txt brings CUDA and cuDNN as this TensorFlow was built for them.
# The tags that end in -gpu bring their own, which at times are others
# (github.com/tensorflow/tensorflow/issues/94593) and would be found first.
FROM tensorflow/tensorflow:2.21.0

WORKDIR /alexnet
COPY requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN useradd --uid 10001 --create-home alexnet \
    && mkdir runs checks exports \
    && chown alexnet: runs checks exports
USER 10001:10001
VOLUME ["/alexnet/runs"]
ENTRYPOINT ["python", "main.py"]
CMD ["--mode=train"]
