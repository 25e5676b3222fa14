import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// Σ loss(prediction − target); gradient = scale · loss′.
    package func elementwiseLoss(
        _ loss: ElementwiseLoss, prediction: Tensor<CPUBackend>, target: Tensor<CPUBackend>, scale: Float,
        gradient: Tensor<CPUBackend>
    ) -> Double {
        ShapeCheck.elementwiseLoss(prediction: prediction.shape, target: target.shape, gradient: gradient.shape)
        return kernels.loss(
            loss.kernel, prediction.hostPointer, target.hostPointer, scale, gradient.hostPointer, prediction.count)
    }

    /// Σ over rows of −log softmax(logits)[label]; gradient = scale · (softmax − one-hot).
    package func softmaxCrossEntropy(
        logits: Tensor<CPUBackend>, labels: IndexTensor<CPUBackend>, scale: Float, gradient: Tensor<CPUBackend>
    ) -> Double {
        ShapeCheck.softmaxCrossEntropy(logits: logits.shape, labels: labels.shape, gradient: gradient.shape)
        labels.checkRange(below: logits.shape[1], "softmaxCrossEntropy")
        return kernels.cross_entropy(
            logits.hostPointer, labels.hostPointer, logits.shape[0], logits.shape[1], scale, gradient.hostPointer)
    }
}

extension ElementwiseLoss {
    fileprivate var kernel: CLoss {
        switch self {
        case .smoothL1: .smoothL1
        case .l2: .L2
        case .l1: .L1
        }
    }
}
